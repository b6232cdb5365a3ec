// Messages that lie over the page: troubles in the page's own words, which stay, and news, which leave by themselves.
import { byId, copyOf } from "./page.js";

const toasts = byId("toasts");

export const wordsFor = (name) => toasts.dataset[name];

export const trouble = (name) => {
  const text = wordsFor(name);
  if (!text || [...toasts.querySelectorAll("span")].some((old) => old.textContent === text)) return;
  const snack = copyOf("toast");
  snack.querySelector("span").textContent = text;
  toasts.replaceChildren(snack);
};

// Not from under somebody's hands.
export const toast = (snack) => {
  toasts.replaceChildren(snack);
  const leave = () => {
    if (snack.matches(":hover, :focus-within")) setTimeout(leave, 1000);
    else snack.remove();
  };
  setTimeout(leave, Number(snack.dataset.lasts) * 1000);
};
