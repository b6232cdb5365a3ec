// Two minutes before the session ends: says so, and one key keeps it. At the end the page gives way to the sign-in page,
// so that nothing is left on an unattended screen. Every answer of the server says how long is left; before this page
// warns it asks, because somebody may be at work in another tab.
import { send } from "./shared/ask.js";
import { byId } from "./shared/page.js";

const warning = byId("session-warning");
const WARN_SECONDS = 120;
const HEADER = "X-Session-Left";
let ends;
let fixed;
let timer;

const left = () => Math.round((ends - Date.now()) / 1000);

const learn = (text) => {
  const [idle, whatever] = text.split(" ").map(Number);
  if (!Number.isFinite(idle) || !Number.isFinite(whatever)) return;
  ends = Date.now() + Math.min(idle, whatever) * 1000;
  fixed = whatever <= idle;
  if (warning.open && left() > WARN_SECONDS) warning.close();
  plan();
};

// Never a reload: it would send a form again that was answered on this page.
const leave = () => location.replace(location.pathname + location.search);

const ask = async (method) => {
  try {
    const answer = await send(warning.dataset.ask, { method, poll: method === "GET" });
    if (answer.headers.has(HEADER)) learn(answer.headers.get(HEADER));
  } catch {
    // Offline: the countdown goes on, and the server decides when it answers again.
  }
};

const show = () => {
  for (const part of warning.querySelectorAll("[data-when]")) part.hidden = (part.dataset.when === "whatever") !== fixed;
  warning.querySelector("[data-stay]").textContent = fixed ? "Sign in again now" : "Stay signed in";
  if (!warning.open) warning.showModal();
  tick();
};

const tick = () => {
  clearTimeout(timer);
  if (!warning.open) return plan();
  const seconds = Math.max(left(), 0);
  if (!seconds) return leave();
  const words = seconds > 90 ? "2 minutes" : seconds > 45 ? "a minute" : `${seconds} s`;
  for (const place of warning.querySelectorAll("[data-countdown]")) place.textContent = words;
  timer = setTimeout(tick, 1000);
};

const plan = () => {
  clearTimeout(timer);
  if (warning.open) return tick();
  const wait = Math.max(left() - WARN_SECONDS, 0);
  timer = setTimeout(async () => {
    await ask("GET");
    clearTimeout(timer);
    if (left() <= WARN_SECONDS) show();
    else plan();
  }, wait * 1000);
};

warning.querySelector("[data-stay]").addEventListener("click", () => (fixed ? leave() : ask("POST")));
// Escape is a key, too.
warning.addEventListener("cancel", (event) => {
  event.preventDefault();
  if (!fixed) ask("POST");
});
document.addEventListener("htmx:afterRequest", (event) => {
  const text = event.detail.xhr?.getResponseHeader(HEADER);
  if (text) learn(text);
});
// A laptop that slept does not know how late it is.
document.addEventListener("visibilitychange", () => document.hidden || ask("GET"));

learn(`${warning.dataset.idle} ${warning.dataset.whatever}`);
