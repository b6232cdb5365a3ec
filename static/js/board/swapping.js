// A column as it is now, in place of how it was; under somebody's hands it only says how many deals changed.
import { ask } from "../shared/ask.js";
import { onClick } from "../shared/clicks.js";
import { byId, copyOf, say } from "../shared/page.js";
import { trouble } from "../shared/toasts.js";
import { isBusy } from "./busy.js";
import { swapCard } from "./cards.js";
import { byDeal, counted, differing, same } from "./comparing.js";
import { cardOf, cardsIn, linkIn } from "./lanes.js";
import { answered, inFlight } from "./underway.js";

const WINDOW = 20;
// Columns with news to show, and what they would then show.
const waiting = new Map();
// Columns that lack a card, because somebody holds it in another one.
const behind = new Set();

const settled = (lane) => {
  waiting.delete(lane);
  lane.querySelector(".lane-news")?.remove();
};

export const swapHead = (lane, fresh) => {
  const old = lane.querySelector(".lane-head");
  if (!old.contains(document.activeElement)) old.replaceWith(fresh.querySelector(".lane-head").cloneNode(true));
};

const swap = (lane, fresh) => {
  swapHead(lane, fresh);
  settled(lane);
  const list = lane.querySelector(".lane-cards");
  const kept = byDeal(lane);
  const staying = cardsIn(lane).filter((card) => inFlight.has(card.dataset.opportunity));
  const wanted = cardsIn(fresh)
    .filter((card) => !inFlight.has(card.dataset.opportunity))
    .map((card) => {
      const old = kept.get(card.dataset.opportunity);
      return old && same(old, card) ? old : card;
    });
  const focused = document.activeElement.closest?.(".deal")?.dataset.opportunity;
  // A card under somebody's hands in another column stays there until that column is shown as it is now.
  const held = new Set();
  for (const card of wanted) {
    const elsewhere = cardOf(card.dataset.opportunity);
    if (!elsewhere || elsewhere === card || lane.contains(elsewhere)) continue;
    if (isBusy(elsewhere.closest(".lane")) && !elsewhere.matches(".is-saving")) held.add(card);
    else elsewhere.remove();
  }
  if (held.size) behind.add(lane);
  else behind.delete(lane);
  const top = list.scrollTop;
  list.replaceChildren(...staying, ...wanted.filter((card) => !held.has(card)));
  list.scrollTop = top;
  const more = fresh.querySelector(".lane-more");
  lane.querySelector(".lane-more")?.remove();
  if (more) lane.append(more);
  if (focused && document.activeElement === document.body) linkIn(cardOf(focused))?.focus({ preventScroll: true });
};

const announce = (lane, fresh, ids) => {
  waiting.set(lane, fresh);
  const news = lane.querySelector(".lane-news") ?? copyOf("lane-news");
  const count = counted(lane, fresh, ids);
  news.querySelector("span").textContent = `${count} deal${count === 1 ? "" : "s"} changed - show ${count === 1 ? "it" : "them"}`;
  lane.querySelector(".lane-head").after(news);
};

// What was on its way when it was drawn may come to its end under somebody's hands: only that card changes.
const endMoves = (lane, fresh, ids) => {
  const then = byDeal(fresh);
  for (const [id, card] of byDeal(lane)) {
    if (card.matches(".is-saving") && then.has(id) && ids.includes(id)) swapCard(card, then.get(id).cloneNode(true));
  }
};

export const refresh = async (lane) => {
  const shown = Math.max(WINDOW, cardsIn(lane).length);
  const before = answered;
  const { status, content } = await ask(`${lane.dataset.url}&shown=${shown}`, { poll: true });
  // Drawn, perhaps, before a move that was answered meanwhile: it would bring the card back to where it came from.
  if (answered !== before) return refresh(lane);
  if (status === 404) document.dispatchEvent(new CustomEvent("columns:changed"));
  const fresh = content.querySelector(".lane");
  if (status !== 200 || !fresh || !lane.isConnected) return;
  let ids = differing(lane, fresh);
  if (ids.length && isBusy(lane)) {
    endMoves(lane, fresh, ids);
    ids = differing(lane, fresh);
  }
  if (!ids.length) {
    swapHead(lane, fresh);
    settled(lane);
  } else if (isBusy(lane)) announce(lane, fresh, ids);
  else swap(lane, fresh);
};

const show = (lane) => {
  const fresh = waiting.get(lane);
  if (!fresh) return;
  swap(lane, fresh);
  (linkIn(lane) ?? byId("main")).focus({ preventScroll: true });
  say("Shown");
  for (const other of [...behind]) refresh(other).catch(() => trouble("offline"));
};

onClick("[data-show]", (button) => show(button.closest(".lane")));
