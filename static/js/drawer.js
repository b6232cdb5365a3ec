// A deal opens in a drawer over the page that lists it: every link with `data-drawer` leads there, and to the deal's own
// page where scripts, a new tab or a broken request want it so. Closing gives the focus back to the link it came from.
import { isPlain } from "./shared/clicks.js";
import { byId } from "./shared/page.js";

const WAITS_MS = [2000, 3000, 5000, 10000, 15000];
let opened = "";
let timer;
let looks = 0;
let landing = false;
let within = false;

const drawer = () => byId("drawer");
const deal = () => byId("deal");
const links = () => [...document.querySelectorAll("a[data-drawer]")].filter((link) => link.offsetParent);
const linkTo = (href) => links().find((link) => link.getAttribute("href") === href);

const show = (href) => {
  opened = href;
  landing = true;
  looks = 0;
  htmx.ajax("GET", href, { source: drawer(), target: "#drawer", swap: "innerHTML" });
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-drawer]");
  if (!link || !drawer() || !isPlain(event)) return;
  event.preventDefault();
  show(link.getAttribute("href"));
});

// A click beside the drawer closes it, but not over a form somebody may have typed into.
document.addEventListener(
  "click",
  (event) => {
    if (event.target === drawer() && byId("edit-form")) event.stopPropagation();
  },
  true,
);

document.addEventListener("click", (event) => {
  const step = event.target.closest("[data-step]");
  if (!step) return;
  const all = links();
  const next = all[all.indexOf(linkTo(opened)) + Number(step.dataset.step)];
  if (next) show(next.getAttribute("href"));
});

// Where this deal stands among those of its stage, as far as the page shows them.
const place = () => {
  const all = links();
  const at = all.indexOf(linkTo(opened));
  for (const step of drawer().querySelectorAll("[data-step]")) {
    step.hidden = at < 0 || !all[at + Number(step.dataset.step)];
  }
  const stage = deal()?.dataset.stage;
  const peers = all.filter((link) => link.closest("[data-stage]")?.dataset.stage === stage);
  const words = drawer().querySelector("[data-place]");
  const number = peers.indexOf(linkTo(opened)) + 1;
  if (words && number && peers.length > 1) words.textContent = `${number} of ${peers.length} shown in ${words.dataset.stageName}`;
};

// What was focused goes with a swap. A control with the same id takes its place, or the server says where to go on;
// else it is the deal's name in a drawer, and the page itself where the deal has one.
document.addEventListener("htmx:beforeSwap", () => {
  within = Boolean(deal()?.contains(document.activeElement));
});
document.addEventListener("htmx:afterSettle", () => {
  const inside = drawer()?.contains(deal());
  if (inside && !drawer().open) drawer().showModal();
  if (inside) place();
  const lost = within && !deal()?.contains(document.activeElement);
  if (landing || lost) (inside ? byId("d-title") : byId("main"))?.focus();
  landing = within = false;
  plan();
});

document.addEventListener(
  "close",
  (event) => {
    if (event.target !== drawer()) return;
    clearTimeout(timer);
    drawer().replaceChildren();
    (linkTo(opened) ?? byId("main"))?.focus();
  },
  true,
);

// While something of the deal is on its way, look again by itself: more and more seldom, never under somebody's hands.
const plan = () => {
  clearTimeout(timer);
  if (deal()?.dataset.unsettled !== "yes") return;
  const wait = WAITS_MS[Math.min(looks, WAITS_MS.length - 1)];
  timer = setTimeout(() => {
    const held = deal()?.contains(document.activeElement) && document.activeElement.matches("a:not([id]), button, summary");
    if (document.hidden || held) return plan();
    looks += 1;
    const here = drawer()?.contains(deal());
    htmx.ajax("GET", here ? opened : location.pathname, {
      source: deal().parentElement,
      target: "#deal",
      swap: "outerHTML",
      headers: here ? { "X-Poll": "1" } : { "X-Poll": "1", "X-Place": "page" },
    });
  }, wait);
};

plan();
