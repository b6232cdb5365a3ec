// Whether a column is under somebody's hands: a card of it focused, held, or open in the menu, a dialog or the drawer.
import { byId } from "../shared/page.js";
import { cardOf } from "./lanes.js";

const isOpenOver = (lane, panel, id) => Boolean(panel?.matches(":popover-open, dialog[open]") && lane.contains(cardOf(id ?? "")));

export const isBusy = (lane) => {
  const focused = document.activeElement.closest?.(".lane-cards, .lane-more, .lane-news")?.closest(".lane");
  const [menu, dialog] = [byId("move-menu"), byId("move-dialog")];
  return (
    focused === lane ||
    isOpenOver(lane, menu, menu.dataset.opportunity) ||
    isOpenOver(lane, dialog, dialog.dataset.opportunity) ||
    isOpenOver(lane, byId("drawer"), byId("deal")?.dataset.opportunity) ||
    lane.querySelector(".is-grabbed") !== null
  );
};
