// A card put somewhere, put back or put in place of another, with a note on it, and with the focus kept where it was.
import { byId, copyOf } from "../shared/page.js";
import { laneOf, linkIn } from "./lanes.js";

export const note = (card, kind, text) => {
  card.querySelector(".deal-note")?.remove();
  const piece = copyOf(kind);
  piece.querySelector("span, div").textContent = text;
  card.append(piece);
  return piece;
};

export const placeTop = (card, stage) => {
  const lane = laneOf(stage);
  if (lane) lane.querySelector(".lane-cards").prepend(card);
  else card.remove();
};

export const putBack = (card, home) => {
  const before = home.next?.isConnected && home.next.closest(".lane") === home.lane ? home.next : null;
  home.lane.querySelector(".lane-cards").insertBefore(card, before);
};

export const swapCard = (old, fresh) => {
  const had = old?.contains(document.activeElement);
  old?.replaceWith(fresh);
  if (had) linkIn(fresh)?.focus({ preventScroll: true });
};

export const refocus = (had, card, home) => {
  if (!had) return;
  (linkIn(card?.isConnected ? card : null) ?? linkIn(home?.querySelector(".deal")) ?? byId("main")).focus({ preventScroll: true });
};
