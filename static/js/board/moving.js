// A move shows at once and is made by the server; it comes back with a reason if it was refused. So does its undo.
import { ask } from "../shared/ask.js";
import { onClick } from "../shared/clicks.js";
import { say } from "../shared/page.js";
import { toast, trouble, wordsFor } from "../shared/toasts.js";
import { note, placeTop, putBack, refocus, swapCard } from "./cards.js";
import { board, cardOf, linkIn, nameOf } from "./lanes.js";
import { soon } from "./live.js";
import { asksFirst, dialog, openDialog } from "./move_dialog.js";
import { countAnswer, inFlight, onTheirWay } from "./underway.js";

let moves = 0;

const settle = ({ content }, { had, home } = {}) => {
  countAnswer();
  const news = content.querySelector("[data-moved]");
  if (!news) return trouble("broken");
  const fresh = news.querySelector(".deal");
  if (fresh) {
    const old = cardOf(fresh.dataset.opportunity);
    const refused = news.hasAttribute("data-refused");
    if (refused && home?.stage === fresh.dataset.stage) putBack(fresh, home);
    else if (old?.closest(".lane")?.dataset.lane === fresh.dataset.stage) swapCard(old, fresh);
    else placeTop(fresh, fresh.dataset.stage);
    if (old && old !== fresh && old.isConnected) old.remove();
    refocus(had, fresh, home?.lane);
    if (fresh.matches(".is-saving")) onTheirWay.set(fresh.dataset.opportunity, fresh.dataset.name);
    if (refused && fresh.isConnected) fresh.scrollIntoView({ block: "nearest", inline: "nearest" });
  } else if (news.dataset.gone) {
    cardOf(news.dataset.gone)?.remove();
    refocus(had, null, home?.lane);
  }
  const snack = news.querySelector(".snack");
  if (snack) toast(snack);
  say(news.dataset.say);
  soon();
};

// Nobody answered twice: it may be saved or not, and the board asks as soon as the server answers again.
const giveUp = (card, stage, url, { had, home }) => {
  const back = home.markup;
  back.classList.remove("is-saving");
  back.classList.add("is-refused");
  const again = note(back, "card-trouble", wordsFor("offline")).querySelector("a");
  again.href = url;
  again.dataset.moveTo = stage;
  card.remove();
  putBack(back, home);
  refocus(had, back, home.lane);
  say(wordsFor("offline"));
};

// One token for the page, one number for each move: asked again after a lost answer, it is the same move still.
const move = async (card, stage, more = {}) => {
  const id = card.dataset.opportunity;
  const from = card.dataset.stage;
  if (stage === from || inFlight.has(id)) return;
  const home = { lane: card.closest(".lane"), next: card.nextElementSibling, stage: from, markup: card.cloneNode(true) };
  const had = !document.querySelector("dialog[open]") && (card.contains(document.activeElement) || document.activeElement === document.body);
  const url = card.querySelector("[data-menu]").pathname;
  const body = new URLSearchParams({ pipeline_stage_id: stage, seen_pipeline_stage_id: from, form_token: board.dataset.token, row: ++moves, ...more });
  inFlight.add(id);
  card.classList.remove("is-refused");
  card.classList.add("is-saving");
  card.dataset.from = from;
  note(card, "card-note", board.dataset.moving.replace("{stage}", () => nameOf(from)));
  placeTop(card, stage);
  refocus(had, card, home.lane);
  let answer;
  try {
    answer = await ask(url, { body }).catch(() => new Promise((again) => setTimeout(() => again(ask(url, { body })), 1000)));
  } catch {
    giveUp(card, stage, url, { had, home });
  } finally {
    inFlight.delete(id);
  }
  if (!answer) return soon();
  const form = answer.content.querySelector("#move-form");
  if (!form) return settle(answer, { had, home });
  card.remove();
  putBack(home.markup, home);
  openDialog(form, home.markup, stage);
};

export const begin = async (card, stage) => {
  if (!card?.hasAttribute("data-movable") || stage === card.dataset.stage) return;
  if (!asksFirst(card, stage)) return move(card, stage);
  try {
    const { content } = await ask(`${card.querySelector("[data-menu]").pathname}?pipeline_stage_id=${encodeURIComponent(stage)}`);
    const form = content.querySelector("#move-form");
    if (form) openDialog(form, card, stage);
    else trouble("missing");
  } catch {
    trouble("offline");
  }
};

const moveAsAnswered = (form) => {
  const data = new FormData(form);
  const more = {};
  for (const name of ["lost_reason", "probability", "confirm_overwrite"]) if (data.get(name)) more[name] = data.get(name);
  // Also where it is empty: then nobody had set one, which is not the same as not saying.
  more.seen_probability = data.get("seen_probability");
  const card = cardOf(dialog.dataset.opportunity);
  dialog.close();
  if (!card) return;
  linkIn(card)?.focus({ preventScroll: true });
  move(card, data.get("pipeline_stage_id"), more);
};

const undo = async (form) => {
  const old = cardOf(form.dataset.opportunity);
  form.querySelector("button").setAttribute("aria-disabled", "true");
  try {
    const answer = await ask(form.getAttribute("action"), { body: new URLSearchParams(new FormData(form)) });
    form.closest(".snack")?.remove();
    settle(answer, { had: true, home: old ? { lane: old.closest(".lane") } : undefined });
  } catch {
    trouble("offline");
  }
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  const act = form.hasAttribute("data-move-form") ? moveAsAnswered : form.hasAttribute("data-undo") ? undo : null;
  if (!act) return;
  event.preventDefault();
  act(form);
});

// "Try again", on a card that came back.
onClick("a[data-move-to]", (link) => begin(link.closest(".deal"), link.dataset.moveTo));
