// The form for a new opportunity, in a drawer over the board. It is sent from there; what the server answers stays there, or
// a word about the new deal comes back.
import { onClick } from "../shared/clicks.js";
import { byId, copyOf, say } from "../shared/page.js";
import { toast, trouble } from "../shared/toasts.js";
import { soon } from "./live.js";

const drawer = byId("create-drawer");

const openForm = async (link) => {
  await htmx.ajax("GET", link.href, { source: drawer, target: "#create-drawer .drawer-body", select: "#create", swap: "innerHTML" });
  if (drawer.querySelector("#create") && !drawer.open) drawer.showModal();
  drawer.querySelector("#id_q, #id_name")?.focus();
};

onClick("[data-create]", (link) => openForm(link).catch(() => trouble("offline")));
onClick("#create-drawer .form-acts a", () => drawer.close());

document.addEventListener("htmx:afterSettle", () => {
  const form = drawer.querySelector("#create-form:not([hx-post])");
  if (!form) return;
  const sending = { "hx-post": form.getAttribute("action"), "hx-target": "#create", "hx-swap": "outerHTML", "hx-vals": '{"after":"board"}' };
  for (const [name, value] of Object.entries(sending)) form.setAttribute(name, value);
  form.removeAttribute("data-guard");
  htmx.process(form);
});

document.addEventListener("board:created", (event) => {
  drawer.close();
  const snack = copyOf("toast");
  snack.classList.remove("snack-bad");
  snack.setAttribute("role", "status");
  snack.dataset.lasts = "10";
  snack.querySelector("span").textContent = event.detail.value;
  toast(snack);
  say(event.detail.value);
  soon();
});
