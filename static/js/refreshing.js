// Pages that show states ask for themselves every few seconds, and put in place what changed. The server answers 204 while
// nothing did. A part somebody types in, or is about to press, is left alone.
import { ask } from "./shared/ask.js";
import { byId, say } from "./shared/page.js";

const parts = () => [...document.querySelectorAll("[data-refresh]")];
let timer;

const isInUse = (part) => {
  const typed = [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);
  return typed || (part.contains(document.activeElement) && !document.activeElement.matches("a[href]"));
};

// What became of the rows of a list, for those who do not see it.
const tell = (old, fresh) => {
  for (const row of fresh.querySelectorAll("tr[data-state]")) {
    const before = old.querySelector(`tr[data-submission="${row.dataset.submission}"]`);
    if (before && before.dataset.state !== row.dataset.state) {
      say(`${row.querySelector("th a").textContent.trim()}: ${row.querySelector(".state-name").textContent.trim()}`);
    }
  }
};

const put = (old, fresh) => {
  const href = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
  tell(old, fresh);
  old.replaceWith(fresh);
  if (href) (fresh.querySelector(`a[href="${CSS.escape(href)}"]`) ?? byId("main")).focus({ preventScroll: true });
};

const check = async () => {
  if (document.hidden) return plan();
  const here = new URL(location.href);
  const seen = document.querySelector("[data-seen]")?.dataset.seen;
  if (seen) here.searchParams.set("seen", seen);
  try {
    const { status, content } = await ask(here.pathname + here.search, { poll: true });
    let changed = false;
    for (const old of parts()) {
      const fresh = status === 200 && content.getElementById(old.id);
      if (!fresh || isInUse(old) || fresh.textContent === old.textContent) continue;
      put(old, fresh);
      changed = true;
    }
    if (changed) document.dispatchEvent(new CustomEvent("states:changed"));
    plan();
  } catch {
    plan(3);
  }
};

const plan = (times = 1) => {
  clearTimeout(timer);
  const every = Number(parts()[0]?.dataset.refresh);
  if (every) timer = setTimeout(check, every * times);
};

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  clearTimeout(timer);
  timer = setTimeout(check, 200);
});
plan();
