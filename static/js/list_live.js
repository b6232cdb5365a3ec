// What others change while a list is open: said with a number, and shown when asked for. Rows that jump under a hand that
// chooses would be worse than old ones. Nothing is asked for while the page is hidden, and no question keeps a session.
import { ask } from "./shared/ask.js";
import { renewStamp } from "./shared/stamp.js";

const EVERY_MS = 5000;
const FRESH_EVERY = 6;
const news = document.querySelector("[data-list-news]");
const rowsIn = (page) => new Map([...page.querySelectorAll("[data-list] tr[data-opportunity]")].map((row) => [row.dataset.opportunity, row]));
let since = news.dataset.since;
let polls = 0;

// Nothing where the server had nothing to say, or could not.
const look = async (url) => {
  const { status, content } = await ask(url, { poll: true });
  return status === 200 ? content : new Document();
};

// By their words: a box that is ticked and a row that is marked are this page's own.
const same = (a, b) => a.textContent === b.textContent;

// Deals of the first window that are new, gone or otherwise than they stand here.
const changedBy = (fresh) => {
  const [now, then] = [rowsIn(document), rowsIn(fresh)];
  const first = [...now.keys()].slice(0, then.size);
  return new Set([...first.filter((id) => !then.has(id)), ...[...then.keys()].filter((id) => !now.has(id) || !same(now.get(id), then.get(id)))]).size;
};

// Stages that changed stand in every row, in the totals and in the choices: the whole page is drawn again.
const tellColumns = (kind) => {
  const button = news.querySelector("button");
  button.hidden = false;
  button.dataset.reload = "";
  button.querySelector("span").textContent = news.dataset[kind === "gone" ? "pipelineGone" : "stagesChanged"];
};

const tell = (count) => {
  const button = news.querySelector("button");
  if ("reload" in button.dataset) return;
  button.hidden = count === 0;
  button.querySelector("span").textContent = count ? `${count} deal${count === 1 ? "" : "s"} changed - show ${count === 1 ? "it" : "them"}` : "";
};

const check = async () => {
  if (document.hidden) return plan();
  try {
    polls += 1;
    const fresh = polls % FRESH_EVERY === 0 ? "&fresh=1" : "";
    const answer = await look(`${news.dataset.changes}&since=${encodeURIComponent(since)}${fresh}`);
    const told = answer.querySelector("[data-since]");
    renewStamp(answer);
    if (told?.dataset.columns) tellColumns(told.dataset.columns);
    else if (told?.dataset.changed) tell(changedBy(await look(location.href)));
    if (told) since = told.dataset.since;
    plan();
  } catch {
    plan(EVERY_MS * 3);
  }
};

let timer;
const plan = (wait = EVERY_MS) => {
  clearTimeout(timer);
  timer = setTimeout(check, wait);
};

news.querySelector("button").addEventListener("click", (event) => {
  if ("reload" in event.currentTarget.dataset) return location.reload();
  tell(0);
  document.dispatchEvent(new CustomEvent("list:redraw"));
});
document.addEventListener("visibilitychange", () => document.hidden || plan(200));
plan();
