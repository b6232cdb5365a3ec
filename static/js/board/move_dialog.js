// What a move asks before it is made: why a deal was lost, or how sure a won one is. The form is the server's.
import { byId } from "../shared/page.js";
import { onClick } from "../shared/clicks.js";
import { meaningOf, nameOf } from "./lanes.js";

export const dialog = byId("move-dialog");

export const openDialog = (form, card, stage) => {
  byId("move-dialog-title").textContent = `Move ${card.dataset.name} to ${nameOf(stage)}`;
  dialog.querySelector(".panel-body").replaceChildren(form);
  dialog.dataset.opportunity = card.dataset.opportunity;
  if (!dialog.open) dialog.showModal();
  (form.querySelector("[data-focus]") ?? form.querySelector("#id_lost_reason, #id_probability"))?.focus();
};

// A lost stage asks why, a won one offers certainty to a deal that has a probability of its own.
export const asksFirst = (card, stage) => {
  const meaning = meaningOf(stage);
  return meaning === "lost" || (meaning === "won" && !["100", undefined].includes(card.dataset.probability));
};

onClick("#move-dialog [data-cancel]", () => dialog.close());
