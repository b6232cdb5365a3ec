// What others change appears by itself: every few seconds the board asks what is new since it last heard.
import { ask } from "../shared/ask.js";
import { onClick } from "../shared/clicks.js";
import { byId, say } from "../shared/page.js";
import { renewStamp } from "../shared/stamp.js";
import { isBusy } from "./busy.js";
import { board, cardOf, lanes, nameOf, railOf } from "./lanes.js";
import { takeOver, tellOnly } from "./columns.js";
import { refresh } from "./swapping.js";
import { onTheirWay } from "./underway.js";

const EVERY_MS = 5000;
const SOON_MS = 1500;
const FRESH_EVERY = 6;
let since = board.dataset.since;
let polls = 0;
let checking = false;
let again = false;
let timer;

const renew = (id, fresh) => {
  const old = byId(id);
  if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(fresh);
};

// A move of one's own that was still on its way when it was answered: say how it ended, once.
const tellEnds = () => {
  for (const [id, name] of onTheirWay) {
    const card = cardOf(id);
    if (card?.matches(".is-saving")) continue;
    onTheirWay.delete(id);
    if (!card) continue;
    const note = card.querySelector(".deal-note")?.textContent.trim();
    say(note ? `${name}: ${note.split("\n")[0]}` : `Moved ${name} to ${nameOf(card.dataset.stage)}`);
  }
};

// Of pipelines the page has seen what its columns show, and no more.
const sinceWithColumnsOf = (shown, seen) => [...seen.split(".").slice(0, 2), ...shown.split(".").slice(2)].join(".");

const apply = async (news) => {
  const { columns } = news.dataset;
  const isTakenOver = !columns || (await takeOver(columns));
  since = isTakenOver ? news.dataset.since : sinceWithColumnsOf(since, news.dataset.since);
  if (columns === "gone") return;
  renew("board-head", news.querySelector("#board-head"));
  renewStamp(news);
  for (const fresh of news.querySelectorAll("[data-rail]")) {
    railOf(fresh.dataset.rail)?.querySelector(".tally")?.replaceWith(fresh.querySelector(".tally"));
  }
  // What was on its way may have ended where it was aimed at, or back where it came from.
  const ways = [...board.querySelectorAll(".deal.is-saving")].flatMap((card) => [card.closest(".lane")?.dataset.lane, card.dataset.from]);
  const changed = new Set([...news.dataset.changed.split(" "), ...ways]);
  const due = lanes().filter((lane) => changed.has(lane.dataset.lane)).sort((a, b) => isBusy(a) - isBusy(b));
  // A board that was empty has no lanes to fill in place.
  if (board.hidden && changed.size) return location.reload();
  for (const lane of due) await refresh(lane);
  tellEnds();
};

const check = async () => {
  clearTimeout(timer);
  const isLive = document.querySelector("[data-live]")?.getAttribute("aria-pressed") !== "false";
  if (document.hidden || !isLive) return plan();
  checking = true;
  try {
    polls += 1;
    const fresh = polls % FRESH_EVERY === 0 ? "&fresh=1" : "";
    const { status, content } = await ask(`${board.dataset.changes}&since=${encodeURIComponent(since)}${fresh}`, { poll: true });
    const news = content.querySelector("[data-since]");
    // Nothing moves under a card in the hand, and what it may be dropped on is said.
    if (board.classList.contains("is-dragging")) news?.dataset.columns && tellOnly(news.dataset.columns);
    else if (status === 200 && news) await apply(news);
    plan();
  } catch {
    plan(EVERY_MS * 3);
  } finally {
    checking = false;
    if (again) plan(200);
    again = false;
  }
};

const plan = (wait) => {
  clearTimeout(timer);
  timer = setTimeout(check, wait ?? (board.querySelector(".is-saving") ? SOON_MS : EVERY_MS));
};

// One look at a time: the answers of an older one must not arrive after those of a newer one.
export const soon = () => {
  if (checking) again = true;
  else plan(200);
};

const turn = (button) => {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  say(on ? "Colleagues' changes appear automatically" : "Colleagues' changes wait until you turn Live on again");
  if (on) soon();
};

onClick("[data-live]", turn);
document.addEventListener("visibilitychange", () => document.hidden || soon());
document.addEventListener("close", () => soon(), true);
// Back from another page the browser shows this one as it was left: look what became of it.
window.addEventListener("pageshow", (event) => event.persisted && soon());
plan();
