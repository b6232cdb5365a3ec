// One menu for all cards, opened beside the card it moves.
import { onClick } from "../shared/clicks.js";
import { byId } from "../shared/page.js";
import { beside } from "./beside.js";
import { cardOf, linkIn } from "./lanes.js";
import { begin } from "./moving.js";

const menu = byId("move-menu");
const cardOfMenu = () => cardOf(menu.dataset.opportunity ?? "");
const choices = () => [...menu.querySelectorAll("[data-to]:not([aria-disabled])")];

export const openMenu = (card, button) => {
  menu.dataset.opportunity = card.dataset.opportunity;
  for (const item of menu.querySelectorAll("[data-to]")) {
    const here = item.dataset.to === card.dataset.stage;
    if (here) item.setAttribute("aria-disabled", "true");
    else item.removeAttribute("aria-disabled");
    const end = item.querySelector(".end");
    end.textContent = here ? "now" : end.dataset.end;
  }
  byId("move-menu-title").textContent = `Move ${card.dataset.name} to`;
  if (menu.matches(":popover-open")) menu.hidePopover();
  menu.showPopover();
  beside(menu, button);
  choices()[0]?.focus();
};

menu.addEventListener("click", (event) => {
  const item = event.target.closest("[data-to]");
  if (!item || item.hasAttribute("aria-disabled")) return;
  const card = cardOfMenu();
  linkIn(card)?.focus({ preventScroll: true });
  menu.hidePopover();
  begin(card, item.dataset.to);
});

menu.addEventListener("keydown", (event) => {
  const items = choices();
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (next === undefined && event.key !== "Tab") return;
  event.preventDefault();
  if (event.key === "Tab") return menu.hidePopover();
  items.at(next % items.length).focus();
});

menu.addEventListener("toggle", (event) => {
  if (event.newState === "closed" && (menu.contains(document.activeElement) || document.activeElement === document.body)) {
    linkIn(cardOfMenu())?.focus({ preventScroll: true });
  }
});

onClick("[data-board] .deal [data-menu]", (button) => openMenu(button.closest(".deal"), button));
