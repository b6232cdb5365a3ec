// Filters and views: the server's form or list, in a panel beside the link that leads to it.
import { ask } from "../shared/ask.js";
import { onClick } from "../shared/clicks.js";
import { byId } from "../shared/page.js";
import { trouble } from "../shared/toasts.js";
import { beside } from "./beside.js";

const openPanel = async (link) => {
  const panel = byId(link.dataset.panel);
  const { content } = await ask(link.href);
  panel.replaceChildren(...content.body.childNodes);
  panel.showPopover();
  beside(panel, link);
  panel.querySelector("select, input:not([type=hidden]), a, button")?.focus();
};

onClick("[data-panel]", (link) => openPanel(link).catch(() => trouble("offline")));
