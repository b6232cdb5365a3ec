// Stages that Slant added, removed, renamed, hid or reordered: the columns are drawn again where they stand. While a card is
// held a bar says so instead, and nothing moves under the hand.
import { ask } from "../shared/ask.js";
import { onClick } from "../shared/clicks.js";
import { byId, copyOf, say } from "../shared/page.js";
import { trouble } from "../shared/toasts.js";
import { isBusy } from "./busy.js";
import { board, laneOf, lanes, railOf } from "./lanes.js";
import { refresh, swapHead } from "./swapping.js";

// The board as it was asked for, wherever its pipeline stood in the address.
const address = () => board.dataset.changes.replace("changes/?", "?");
const isHeld = () => board.classList.contains("is-dragging") || lanes().some(isBusy);
let drawing = false;

const settle = () => byId("columns-news-bar")?.remove();

const announce = (kind) => {
  const bar = byId("columns-news-bar") ?? copyOf("columns-news");
  bar.querySelector("span").textContent = board.dataset[kind === "gone" ? "pipelineGone" : "stagesChanged"];
  bar.dataset.kind = kind;
  if (!bar.isConnected) byId("main").append(bar);
};

const renew = (part, fresh) => {
  const old = document.querySelector(part);
  const now = fresh.querySelector(part);
  if (old && now) old.replaceWith(now);
};

const keepPlace = () => {
  const left = board.scrollLeft;
  const tops = new Map(lanes().map((lane) => [lane, lane.querySelector(".lane-cards").scrollTop]));
  return () => {
    board.scrollLeft = left;
    for (const [lane, top] of tops) lane.querySelector(".lane-cards").scrollTop = top;
  };
};

// The lanes of before go on with their cards; only heads, names and places are new.
const place = (fresh) => {
  const back = keepPlace();
  const rail = fresh.querySelector(".rail");
  const drawn = [...fresh.querySelectorAll(".lane")].map((lane) => {
    const old = laneOf(lane.dataset.lane);
    if (!old) return lane;
    swapHead(old, lane);
    old.querySelector(".lane-cards").setAttribute("aria-label", lane.querySelector(".lane-cards").getAttribute("aria-label"));
    return old;
  });
  const folded = new Set([...(rail?.querySelectorAll("[data-rail]") ?? [])].map((link) => link.dataset.rail));
  // A column of a folded stage that somebody unfolded stays.
  const unfolded = lanes().filter((lane) => folded.has(lane.dataset.lane) && railOf(lane.dataset.lane)?.hidden);
  board.className = fresh.className;
  board.replaceChildren(...drawn, ...unfolded, ...(rail ? [rail] : []));
  for (const lane of unfolded) railOf(lane.dataset.lane).hidden = true;
  back();
};

const redraw = async (isAskedFor) => {
  const { status, content } = await ask(address(), { poll: true });
  const fresh = content.querySelector("[data-board]");
  // Another board, or none: the page says what became of the pipeline.
  if (status !== 200 || fresh?.dataset.changes !== board.dataset.changes || fresh.hidden !== board.hidden) {
    location.assign(address());
    return false;
  }
  // Taken in the hand while the answer came.
  if (!isAskedFor && isHeld()) {
    announce("changed");
    return false;
  }
  byId("move-menu").replaceChildren(...content.querySelector("#move-menu").childNodes);
  for (const part of ["#board-head", ".jump"]) renew(part, content);
  place(fresh);
  settle();
  for (const lane of lanes()) await refresh(lane);
  say(board.dataset.stagesShown);
  return true;
};

// Whether the columns are now those of Slant.
export const takeOver = async (kind) => {
  if (isHeld()) {
    announce(kind);
    return false;
  }
  if (drawing) return false;
  drawing = true;
  try {
    return await redraw(false);
  } finally {
    drawing = false;
  }
};

export const tellOnly = announce;

const show = async () => {
  byId("main").focus({ preventScroll: true });
  settle();
  await redraw(true);
};

onClick("[data-show-columns]", () => show().catch(() => trouble("offline")));
// A column that is asked for again is no more.
document.addEventListener("columns:changed", () => takeOver("changed").catch(() => trouble("offline")));
