// A submission's page keeps itself up to date until it is final: it asks every two seconds, later more seldom, never
// while nobody looks. The server answers 204 while nothing changed, so nothing moves under a reader.
import { byId } from "./shared/page.js";

const started = Date.now();
let timer;
let kept;

const pace = (wait) => {
  const age = (Date.now() - started) / 1000;
  return age < 30 ? wait : Math.max(wait, age < 120 ? 5000 : 15000);
};

const plan = () => {
  clearTimeout(timer);
  const poller = document.querySelector("[data-look-again]");
  if (!poller) return;
  timer = setTimeout(() => {
    if (document.hidden) return plan();
    htmx.trigger(poller, "look");
  }, pace(Number(poller.dataset.lookAgain)));
};

document.addEventListener("htmx:beforeSwap", () => {
  kept = document.activeElement;
});
document.addEventListener("htmx:afterSettle", () => {
  // htmx finds the focus again by id; where that control is gone, the page's own heading is the next best place.
  if (kept && kept !== document.body && document.activeElement === document.body) byId("main")?.focus();
  const title = byId("outcome")?.textContent;
  const name = document.querySelector("h1")?.textContent;
  if (title) document.title = `${title}: ${name} - Slantweb`;
});
document.addEventListener("htmx:afterRequest", plan);
document.addEventListener("visibilitychange", () => document.hidden || plan());

plan();
