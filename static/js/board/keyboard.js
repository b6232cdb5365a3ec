// The board without a mouse: arrows go from card to card, `m` opens the menu of one, Space presses what acts as a button.
import { board, cardsIn, lanes, linkIn } from "./lanes.js";
import { openMenu } from "./menu.js";

const step = (card, key) => {
  if (key === "ArrowUp") return card.previousElementSibling;
  if (key === "ArrowDown") return card.nextElementSibling;
  const all = lanes().filter((lane) => lane.querySelector(".deal") || lane.contains(card));
  const lane = all[all.indexOf(card.closest(".lane")) + (key === "ArrowRight" ? 1 : -1)];
  if (!lane) return null;
  const place = cardsIn(card.closest(".lane")).indexOf(card);
  const there = cardsIn(lane);
  return there[Math.min(place, there.length - 1)];
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const card = event.target.closest?.(".deal");
  if (!card || !board.contains(card)) return;
  if (event.key === "m" && document.body.dataset.shortcuts === "on" && card.hasAttribute("data-movable")) {
    event.preventDefault();
    openMenu(card, card.querySelector("[data-menu]"));
  } else if (/^Arrow/.test(event.key)) {
    const next = linkIn(step(card, event.key));
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
});

document.addEventListener("keydown", (event) => {
  const link = event.key === " " && event.target.closest?.("a[data-menu], a[data-panel], a[data-rail]");
  if (!link) return;
  event.preventDefault();
  link.click();
});
