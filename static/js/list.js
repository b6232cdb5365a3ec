// The list of deals: what is chosen, and what can be done with it. The page of a bulk change keeps itself up to date.
import { byId } from "./shared/page.js";

const PACE_MS = [1000, 1500, 2000, 3000, 5000];
const list = () => document.querySelector("[data-list]");
const boxes = () => [...list().querySelectorAll("input[name='id']")];
let last = null;

const dollars = (amount) => `$${amount.toLocaleString("en-US")}`;

const count = () => {
  const bar = byId("bulk");
  if (!list() || !bar) return;
  const chosen = boxes().filter((box) => box.checked);
  const worth = chosen.reduce((sum, box) => sum + Number(box.closest("tr").dataset.value || 0), 0);
  bar.toggleAttribute("data-some", chosen.length > 0);
  const most = Number(list().dataset.most);
  const tooMany = chosen.length > most ? `, at most ${most} at once` : "";
  bar.querySelector("[data-count]").textContent = `${chosen.length} selected · ${dollars(worth)}${tooMany}`;
  for (const button of bar.querySelectorAll("button[name='ask']")) button.disabled = chosen.length > most;
  const query = new URLSearchParams(chosen.map((box) => ["ids", box.value]));
  bar.querySelector("[data-export]").href = `${list().dataset.file}?${query}`;
  const all = list().querySelector("[data-all]");
  if (all) {
    all.checked = chosen.length > 0 && chosen.length === boxes().length;
    all.indeterminate = chosen.length > 0 && !all.checked;
  }
};

document.addEventListener("change", (event) => {
  if (!list()?.contains(event.target)) return;
  if (event.target.matches("[data-all]")) for (const box of boxes()) box.checked = event.target.checked;
  count();
});

// Shift and a click choose everything between.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-none]")) {
    for (const box of boxes()) box.checked = false;
    count();
    list().querySelector("[data-all]")?.focus();
    return;
  }
  if (!event.target.matches("[data-list] input[name='id']")) return;
  const all = boxes();
  const here = all.indexOf(event.target);
  const there = all.indexOf(last);
  if (event.shiftKey && there >= 0) {
    for (const box of all.slice(Math.min(here, there), Math.max(here, there) + 1)) box.checked = event.target.checked;
    count();
  }
  last = event.target;
});

// More rows were asked for with the keyboard: go on at the first of them.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "list-foot") return;
  const bodies = list().querySelectorAll("tbody");
  bodies[bodies.length - 1].querySelector("th a")?.focus();
  count();
});

// The list as it is now, with what was chosen still chosen.
const redraw = () => {
  const chosen = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
  const back = document.activeElement?.getAttribute("href");
  htmx.ajax("GET", location.href, { target: "#list-form", select: "#list-form", swap: "outerHTML" }).then(() => {
    for (const box of boxes()) box.checked = chosen.has(box.value);
    count();
    (back ? document.querySelector(`a[data-drawer][href="${back}"]`) : list().querySelector("th[scope='row'] a"))?.focus();
  });
};
// What others changed was asked for (list_live.js).
document.addEventListener("list:redraw", redraw);

// A deal was changed in the drawer: once it closes, the list is drawn again.
let changed = false;
document.addEventListener("deals:changed", () => {
  changed = true;
});
document.addEventListener(
  "close",
  (event) => {
    if (!changed || event.target.id !== "drawer" || !list()) return;
    changed = false;
    redraw();
  },
  true,
);

let looks = 0;
const result = () => byId("bulk-result");
const plan = () => {
  if (result()?.dataset.final !== "no") return;
  setTimeout(
    () => {
      if (document.hidden) return plan();
      looks += 1;
      htmx
        .ajax("GET", result().dataset.poll, { source: result().parentElement, target: "#bulk-result", swap: "outerHTML", headers: { "X-Poll": "1" } })
        .then(plan, plan);
    },
    PACE_MS[Math.min(looks, PACE_MS.length - 1)],
  );
};

count();
plan();
