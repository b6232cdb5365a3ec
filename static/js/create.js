// The form for a new opportunity: tells the server what was changed since it last drew, the household type-ahead
// (an ARIA combobox over the list the server sends), and the suggested name. The select that carries the household
// is posted; without scripts it is the control itself.
import { byId, say } from "./shared/page.js";

const form = () => byId("create-form");
const changed = new Set();
let touches = 0;
let asked = 0;
let dismissed = false;
let focusNext = "";
let suggested = document.querySelector("[data-suggested]")?.value ?? "";

const options = () => [...document.querySelectorAll("#household-options [data-id]")];
const list = () => byId("household-options");

const open = (shown) => {
  const box = byId("id_q");
  if (!box || !list()) return;
  list().hidden = !shown;
  box.setAttribute("aria-expanded", String(shown));
  if (!shown) box.removeAttribute("aria-activedescendant");
};

const point = (option) => {
  for (const other of options()) {
    other.setAttribute("aria-selected", String(other === option));
    other.classList.toggle("is-active", other === option);
  }
  if (!option) return;
  byId("id_q").setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
};

const choose = (id, name, isDropped = false) => {
  const carrier = document.querySelector("[data-carrier]");
  if (![...carrier.options].some((option) => option.value === id)) carrier.add(new Option(name, id));
  carrier.value = id;
  const box = byId("id_q");
  if (box) box.value = "";
  open(false);
  say(name);
  focusNext = isDropped ? "id_q" : "household-drop";
  carrier.dispatchEvent(new Event("input", { bubbles: true }));
};

// What was focused goes away with the redraw: go on at what took its place. Whoever went on meanwhile stays there, or
// the letters they type would press a button.
const focusRedrawn = () => {
  const active = document.activeElement;
  if (active === document.body || byId("field-household_id").contains(active)) byId(focusNext)?.focus();
  focusNext = "";
};

const dress = () => {
  const carrier = document.querySelector("[data-carrier]");
  carrier?.setAttribute("tabindex", "-1");
  carrier?.setAttribute("aria-hidden", "true");
  const box = byId("id_q");
  if (!box || box.getAttribute("role")) return;
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", "household-options");
  box.setAttribute("aria-expanded", "false");
};

// While the event goes down: the search box keeps its own from going up again.
document.addEventListener(
  "input",
  (event) => {
    if (!form()?.contains(event.target) || !event.target.name) return;
    touches += 1;
    if (event.target.name === "q") dismissed = false;
    else changed.add(event.target.name);
  },
  true,
);

const isRedraw = (path) => path.endsWith("/new/fields/");

document.addEventListener("htmx:configRequest", (event) => {
  if (!isRedraw(event.detail.path)) return;
  event.detail.parameters.set("changed", [...changed].join(" "));
  asked = touches;
});

// A redraw shows what was typed when it was asked for. Whatever was touched since must not be undone by it: ask again.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!isRedraw(event.detail.pathInfo.requestPath) || touches === asked) return;
  event.detail.shouldSwap = false;
  htmx.trigger(event.detail.requestConfig.elt, "input");
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && isRedraw(event.detail.pathInfo.requestPath) && touches === asked) changed.clear();
});

document.addEventListener("htmx:afterSettle", (event) => {
  const box = byId("id_q");
  const typing = box && box === document.activeElement;
  // None of a new list is pointed at yet, and one that was closed meanwhile stays closed. Where the row was drawn
  // again under somebody who searches, so is what was found.
  if (event.detail.elt.id === "household-options") {
    box?.removeAttribute("aria-activedescendant");
    open(typing && !dismissed);
  } else if (event.detail.elt.id === "field-household_id") {
    if (focusNext) focusRedrawn();
    else if (typing && box.value) htmx.trigger(box, "find");
  }
  dress();
});

// A name nobody touched follows the household.
document.addEventListener("htmx:oobAfterSwap", () => {
  dress();
  const now = document.querySelector("[data-suggested]")?.value ?? "";
  const name = byId("id_name");
  if (name && now !== suggested && (name.value === "" || name.value === suggested)) name.value = now;
  suggested = now;
});

document.addEventListener("keydown", (event) => {
  if (event.target.id !== "id_q") return;
  const shown = options();
  const at = shown.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    dismissed = false;
    if (list().hidden) open(true);
    const step = event.key === "ArrowDown" ? 1 : -1;
    if (shown.length) point(shown[(at + step + shown.length + (at < 0 && step < 0 ? 1 : 0)) % shown.length]);
    event.preventDefault();
  } else if (event.key === "Enter" && !list().hidden) {
    // Enter chooses; it must not send the form while the list is open.
    event.preventDefault();
    const option = shown[at] ?? (shown.length === 1 ? shown[0] : null);
    if (option) choose(option.dataset.id, option.dataset.name);
  } else if (event.key === "Escape") {
    dismissed = true;
    open(false);
  }
});

// Before the click moves the focus away from the box, which would close the list.
document.addEventListener("mousedown", (event) => {
  const option = event.target.closest("#household-options [data-id]");
  if (!option) return;
  event.preventDefault();
  choose(option.dataset.id, option.dataset.name);
});

document.addEventListener("focusout", (event) => {
  if (event.target.id !== "id_q") return;
  dismissed = false;
  open(false);
});

// Where an empty choice would leave the deal with the household it has, the button says what to choose instead.
document.addEventListener("click", (event) => {
  const drop = event.target.closest("[data-drop]");
  if (drop) choose(drop.dataset.drop, "No household", true);
});

dress();
