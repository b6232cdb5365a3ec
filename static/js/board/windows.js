// More of a column, and columns folded away and unfolded again.
import { ask } from "../shared/ask.js";
import { onClick } from "../shared/clicks.js";
import { copyOf, say } from "../shared/page.js";
import { trouble } from "../shared/toasts.js";
import { board, cardOf, linkIn, railOf } from "./lanes.js";

const more = async (link) => {
  const lane = link.closest(".lane");
  const bones = copyOf("loading");
  const late = setTimeout(() => lane.querySelector(".lane-cards").append(bones), 300);
  link.setAttribute("aria-disabled", "true");
  try {
    const { status, content } = await ask(link.href);
    if (status === 404) document.dispatchEvent(new CustomEvent("columns:changed"));
    if (status !== 200) throw new Error(`The column answered ${status}`);
    const fresh = content.querySelectorAll(".deal");
    const there = [...fresh].filter((card) => !cardOf(card.dataset.opportunity));
    lane.querySelector(".lane-cards").append(...there);
    const next = content.querySelector(".lane-more");
    link.closest(".lane-more").replaceWith(...(next ? [next] : []));
    linkIn(there[0])?.focus();
    say(`${there.length} more shown`);
  } catch {
    link.removeAttribute("aria-disabled");
    trouble("offline");
  } finally {
    clearTimeout(late);
    bones.remove();
  }
};

const unfold = async (link) => {
  const { content } = await ask(link.href);
  const lane = content.querySelector(".lane");
  if (!lane) return document.dispatchEvent(new CustomEvent("columns:changed"));
  board.insertBefore(lane, board.querySelector(".rail"));
  link.hidden = true;
  lane.scrollIntoView({ inline: "nearest", block: "nearest" });
  (linkIn(lane) ?? lane.querySelector("[data-fold]"))?.focus();
};

const fold = (lane) => {
  const link = railOf(lane.dataset.lane);
  lane.remove();
  if (!link) return;
  link.hidden = false;
  link.focus();
};

onClick("[data-more]", more);
onClick("[data-rail]", (link) => unfold(link).catch(() => trouble("offline")));
onClick("[data-fold]", (button) => fold(button.closest(".lane")));
