// A column as it is shown beside the same column as it should be.
import { cardsIn } from "./lanes.js";
import { inFlight } from "./underway.js";

export const same = (a, b) => a.isEqualNode(b);

export const byDeal = (lane) => new Map(cardsIn(lane).map((card) => [card.dataset.opportunity, card]));

// Deals whose cards differ; those just being moved here are nobody else's.
export const differing = (lane, fresh) => {
  const [now, then] = [byDeal(lane), byDeal(fresh)];
  return [...new Set([...now.keys(), ...then.keys()])].filter(
    (id) => !inFlight.has(id) && !(now.has(id) && then.has(id) && same(now.get(id), then.get(id))),
  );
};

// How many of them somebody changed: a card that only slid into the window, or out of it, is as it was.
export const counted = (lane, fresh, ids) => {
  const [now, then] = [lane, fresh].map((column) => [...byDeal(column).keys()]);
  const slid = (list, other) => list.slice(list.findLastIndex((id) => other.includes(id)) + 1);
  const edge = new Set([
    ...(lane.querySelector(".lane-more") ? slid(then, now) : []),
    ...(fresh.querySelector(".lane-more") ? slid(now, then) : []),
  ]);
  return ids.filter((id) => !edge.has(id)).length || ids.length;
};
