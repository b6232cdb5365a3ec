// The stamp of a page says how old its data is. It ages and turns colour by this browser's clock, so that it is true
// also while nothing is heard from the server. The server counts from when it drew the stamp; so does this.
import { byId } from "./page.js";

const LEVELS = ["fresh", "amber", "red"];
const drawnAt = new WeakMap();

const words = (seconds) => {
  if (seconds < 60) return `, ${seconds} s ago`;
  return seconds < 3600 ? `, ${Math.floor(seconds / 60)} min ago` : "";
};

const levelAfter = (stamp, seconds) => {
  const { level, heard, amberIn, redIn } = stamp.dataset;
  const late = seconds > Number(redIn) ? "red" : seconds > Number(amberIn) ? "amber" : "fresh";
  return LEVELS[Math.max(...[level, heard, late].map((name) => LEVELS.indexOf(name)))];
};

export const ageStamp = () => {
  const stamp = byId("stamp");
  if (!stamp) return;
  if (!drawnAt.has(stamp)) drawnAt.set(stamp, Date.now());
  const passed = Math.max(Math.floor((Date.now() - drawnAt.get(stamp)) / 1000), 0);
  const age = stamp.querySelector("[data-age-words]");
  if (age) age.textContent = words(Number(stamp.dataset.age) + passed);
  if (!stamp.querySelector("time")) return;
  const level = levelAfter(stamp, passed);
  document.body.dataset.stale = level;
  stamp.classList.toggle("stamp-warn", level === "amber");
  stamp.classList.toggle("stamp-bad", level === "red");
  for (const mark of stamp.querySelectorAll("[data-mark]")) mark.hidden = mark.dataset.mark !== level;
  const isLate = level !== stamp.dataset.level;
  const [late, newer] = [stamp.querySelector("[data-late]"), stamp.querySelector("[data-newer]")];
  late.hidden = !isLate || "newerThere" in stamp.dataset;
  newer.hidden = !isLate || !late.hidden;
  newer.href = location.href;
};

// Puts the stamp of an answer in place of the one shown.
export const renewStamp = (answer) => {
  const fresh = answer.querySelector("[data-stamp]");
  if (!fresh || !byId("stamp")) return;
  Object.assign(document.body.dataset, { syncedAt: fresh.dataset.syncedAt, stale: fresh.dataset.stale });
  byId("stamp").replaceWith(fresh.querySelector("#stamp"));
  ageStamp();
};

// For a page that shows what was read when it was loaded: newer data makes that no younger. All else of the stamp is news.
export const renewVerdict = (answer) => {
  const fresh = answer.querySelector("[data-stamp]");
  if (!fresh || !byId("stamp")) return;
  if (fresh.dataset.syncedAt === document.body.dataset.syncedAt) return renewStamp(answer);
  Object.assign(byId("stamp").dataset, { newerThere: "", heard: fresh.dataset.stale });
  ageStamp();
};
