// What every page can do: move the focus where the server asks, single-key shortcuts, help, and saying so when a
// request fails. Words come from data attributes of the page; nothing here builds HTML of its own.
import { byId, say } from "./shared/page.js";
import { trouble } from "./shared/toasts.js";

// The server marks what to look at first (the error summary), and what changed (for screen readers).
const settle = (root) => {
  root.querySelector?.("[data-focus]")?.focus();
  const news = root.matches?.("[data-say]") ? root : root.querySelector?.("[data-say]");
  say(news?.dataset.say);
};

const typing = (element) => element.closest("input, select, textarea, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.body.dataset.shortcuts !== "on" || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") byId("help")?.showModal();
  else if (event.key === "/") document.querySelector("[data-search]")?.focus();
  else if (/^[a-z]$/.test(event.key)) document.querySelector(`[data-shortcut="${event.key}"]`)?.click();
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) {
    for (const open of document.querySelectorAll(":popover-open")) open.hidePopover();
    byId("help")?.showModal();
  }
  const close = event.target.closest("[data-close]");
  if (close) (close.closest("dialog") ? close.closest("dialog").close() : close.closest(".snack").remove());
  if (event.target instanceof HTMLDialogElement) event.target.close();
});

// A link of the error summary may lead to a control that scripts replaced: go to the one that is shown.
document.addEventListener("click", (event) => {
  const link = event.target.closest("#error-summary a[href^='#']");
  const target = link && byId(link.hash.slice(1));
  if (!target) return;
  const row = target.closest(".field") ?? target;
  const shown = (element) => element.offsetParent && element.tabIndex >= 0;
  const first = shown(target) ? target : [...row.querySelectorAll("input, select, button, a")].find(shown);
  // A hidden control alone in its row has only its words to show.
  (first ?? (target.offsetParent ? target : row)).focus();
  row.scrollIntoView({ block: "center" });
  event.preventDefault();
});

// One press, one request. The server knows a second one too, by the form's token.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-guard")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button[data-busy]")) button.setAttribute("aria-disabled", "true");
  const pressed = event.submitter?.dataset.busy ? event.submitter : form.querySelector("button[data-busy]");
  if (pressed) pressed.textContent = pressed.dataset.busy;
  say(pressed?.dataset.busy);
});
// Back from the next page, the browser may show this one as it was left.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && document.querySelector("[data-sent]")) location.reload();
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401) trouble("signedout");
  else if (status === 403) trouble("forbidden");
  else if (status === 404) trouble("missing");
  else trouble("broken");
});
document.addEventListener("htmx:sendError", () => trouble("offline"));
document.addEventListener("htmx:timeout", () => trouble("slow"));
document.addEventListener("htmx:afterSettle", (event) => settle(event.detail.elt));

settle(document);
