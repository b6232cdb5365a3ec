// What surrounds every page stays true while it is open: the stamp ages each second, and every few seconds the server is
// asked for it, for what waits and for the banners. Nothing is asked while nobody looks.
import { ask } from "./shared/ask.js";
import { ageStamp, renewStamp, renewVerdict } from "./shared/stamp.js";

const EVERY_MS = 15000;
const SOON_MS = 300;
const ADDRESS = document.body.dataset.freshness;
// Pages that stay as they were read, and pages that renew their stamp together with what they show.
const AS_READ = "[data-as-read]";
const OWN_POLL = "[data-board], [data-list-news]";
let timer;

const renew = (selector, answer) => {
  const [old, fresh] = [document.querySelector(selector), answer.querySelector(selector)];
  // Not from under a key that is about to press its button, and not where nothing changed.
  if (!old || !fresh || old.contains(document.activeElement) || old.textContent === fresh.textContent) return;
  old.replaceWith(fresh);
};

const check = async () => {
  if (document.hidden) return plan();
  try {
    const { status, content } = await ask(ADDRESS, { poll: true });
    if (status === 200) {
      if (document.querySelector(AS_READ)) renewVerdict(content);
      else if (!document.querySelector(OWN_POLL)) renewStamp(content);
      renew("[data-banners]", content);
      renew("[data-waiting]", content);
    }
    plan();
  } catch {
    plan(EVERY_MS * 2);
  }
};

const plan = (wait = EVERY_MS) => {
  clearTimeout(timer);
  timer = setTimeout(check, wait);
};

// A page that learned what became of a submission has old words around it.
document.addEventListener("states:changed", () => plan(SOON_MS));
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.requestConfig?.headers?.["X-Poll"]) plan(SOON_MS);
});
document.addEventListener("visibilitychange", () => {
  ageStamp();
  if (!document.hidden) plan(SOON_MS);
});
setInterval(ageStamp, 1000);
ageStamp();
plan();
