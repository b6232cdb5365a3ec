// Cards by hand: mouse and pen at once, a finger after a moment's hold, so that a swipe still scrolls. Where the card is
// let go is all this knows.
import { board } from "./lanes.js";
import { begin } from "./moving.js";

const SLACK_PX = 6;
const HOLD_MS = 300;
const EDGE_PX = 48;
let grip;

const targetAt = (x, y) => document.elementFromPoint(x, y)?.closest("[data-lane], [data-rail]");
const stageOf = (target) => target?.dataset.lane ?? target?.dataset.rail;

const lift = () => {
  const at = grip.card.getBoundingClientRect();
  const ghost = grip.card.cloneNode(true);
  ghost.classList.add("is-ghost");
  ghost.setAttribute("aria-hidden", "true");
  ghost.removeAttribute("data-opportunity");
  ghost.style.width = `${at.width}px`;
  Object.assign(grip, { ghost, dx: grip.x - at.left, dy: grip.y - at.top, lifted: true });
  document.body.append(ghost);
  grip.card.classList.add("is-grabbed");
  board.classList.add("is-dragging");
  document.getSelection()?.removeAllRanges();
  follow();
  scroll();
};

const follow = () => {
  grip.ghost.style.transform = `translate(${grip.x - grip.dx}px, ${grip.y - grip.dy}px) rotate(1.5deg)`;
  const over = targetAt(grip.x, grip.y);
  if (over === grip.over) return;
  grip.over?.classList.remove("is-over");
  grip.over = over;
  if (stageOf(over) !== grip.card.dataset.stage) over?.classList.add("is-over");
};

// Near an edge what lies beyond comes nearer: the lanes sideways, a lane's cards or the page up and down.
const scroll = () => {
  if (!grip?.lifted) return;
  const push = (at, low, high) => (at < low + EDGE_PX ? -10 : at > high - EDGE_PX ? 10 : 0);
  const frame = board.getBoundingClientRect();
  board.scrollLeft += push(grip.x, frame.left, frame.right);
  const list = grip.over?.querySelector?.(".lane-cards");
  const stacked = getComputedStyle(board).display === "block";
  if (stacked) window.scrollBy(0, push(grip.y, 0, innerHeight - 60));
  else if (list) {
    const box = list.getBoundingClientRect();
    list.scrollTop += push(grip.y, box.top, box.bottom);
  }
  follow();
  requestAnimationFrame(scroll);
};

const release = () => {
  clearTimeout(grip?.hold);
  grip?.ghost?.remove();
  grip?.over?.classList.remove("is-over");
  grip?.card.classList.remove("is-grabbed");
  board.classList.remove("is-dragging");
  grip = null;
};

// The click that ends a drag must not open the deal.
const swallowClick = () => {
  const swallow = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", swallow, { capture: true }), 50);
};

board.addEventListener("pointerdown", (event) => {
  const card = event.target.closest(".deal[data-movable]");
  if (grip || !card || event.button || !event.isPrimary || event.target.closest(".icon-btn, .deal-note a, button")) return;
  grip = { card, x: event.clientX, y: event.clientY, fromX: event.clientX, fromY: event.clientY, touch: event.pointerType === "touch" };
  if (grip.touch) grip.hold = setTimeout(() => grip && lift(), HOLD_MS);
});

document.addEventListener("pointermove", (event) => {
  if (!grip || !event.isPrimary) return;
  grip.x = event.clientX;
  grip.y = event.clientY;
  if (grip.lifted) return follow();
  if (Math.hypot(grip.x - grip.fromX, grip.y - grip.fromY) < SLACK_PX) return;
  if (grip.touch) release();
  else lift();
});

document.addEventListener("pointerup", (event) => {
  if (!grip || !event.isPrimary) return;
  const { card, lifted, over } = grip;
  const stage = stageOf(over);
  release();
  if (!lifted) return;
  swallowClick();
  if (stage) begin(card, stage);
});

document.addEventListener("pointercancel", () => grip && release());
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !grip?.lifted) return;
  event.preventDefault();
  release();
});
// While a finger carries a card the page must not scroll along; links and pictures must not be dragged by themselves.
board.addEventListener("touchmove", (event) => grip?.lifted && event.preventDefault(), { passive: false });
board.addEventListener("contextmenu", (event) => grip?.touch && event.preventDefault());
board.addEventListener("dragstart", (event) => event.preventDefault());
