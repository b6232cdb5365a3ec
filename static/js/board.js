// The board without reloads: a move shows at once and comes back with a reason if it was refused; what colleagues do
// appears by itself, except under somebody's hands; more cards, filters and the form open in place. Every answer is the
// server's own markup. Dragging is board_drag.js, which asks for a move by the event `board:move`.
(() => {
  const board = document.querySelector("[data-board]");
  if (!board) return;
  const EVERY_MS = 5000;
  const SOON_MS = 1500;
  const FRESH_EVERY = 6;
  const byId = (id) => document.getElementById(id);
  const menu = byId("move-menu");
  const dialog = byId("move-dialog");
  const inFlight = new Set();
  const waiting = new Map();
  const own = new Map();
  const behind = new Set();
  let since = board.dataset.since;
  let moves = 0;
  let settled = 0;
  let polls = 0;
  let checking = false;
  let again = false;
  let timer;
  let menuCard;

  const say = (text) => { byId("status").textContent = text; };
  const lanes = () => [...board.querySelectorAll(".lane")];
  const laneOf = (stage) => board.querySelector(`.lane[data-lane="${CSS.escape(stage)}"]`);
  const cardOf = (id) => board.querySelector(`.deal[data-opportunity="${CSS.escape(id)}"]`);
  const linkIn = (card) => card?.querySelector(".deal-name a");
  const cardsIn = (lane) => [...lane.querySelectorAll(".deal")];
  const nameOf = (stage) => menu.querySelector(`[data-to="${CSS.escape(stage)}"]`)?.dataset.name ?? "";
  const template = (id) => byId(id).content.firstElementChild.cloneNode(true);

  // Never htmx's own: a poll must not wait behind, or replace, what a person asked for.
  const ask = async (url, { body, poll } = {}) => {
    const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers"));
    const headers = { "HX-Request": "true", "HX-Current-URL": location.href, "X-CSRFToken": token };
    if (poll) headers["X-Poll"] = "1";
    const answer = await fetch(url, { method: body ? "POST" : "GET", headers, body, signal: AbortSignal.timeout(12000) });
    if (answer.status === 401) location.assign(answer.headers.get("HX-Redirect") ?? "/");
    const text = answer.status === 204 ? "" : await answer.text();
    // A document of its own, in which nothing runs and nothing loads.
    return { status: answer.status, content: new DOMParser().parseFromString(text, "text/html") };
  };

  const trouble = (name) => {
    const toast = template("toast");
    toast.querySelector("span").textContent = byId("toasts").dataset[name];
    byId("toasts").replaceChildren(toast);
  };

  // ------------------------------------------------------------------ moving

  const note = (card, kind, text) => {
    card.querySelector(".deal-note")?.remove();
    const piece = template(kind);
    piece.querySelector("span, div").textContent = text;
    card.append(piece);
    return piece;
  };

  const placeTop = (card, stage) => {
    const lane = laneOf(stage);
    if (lane) lane.querySelector(".lane-cards").prepend(card);
    else card.remove();
  };

  const refocus = (had, card, home) => {
    if (!had) return;
    (linkIn(card?.isConnected ? card : null) ?? linkIn(home?.querySelector(".deal")) ?? byId("main")).focus({ preventScroll: true });
  };

  const swapCard = (old, fresh) => {
    const had = old?.contains(document.activeElement);
    old?.replaceWith(fresh);
    if (had) linkIn(fresh)?.focus({ preventScroll: true });
  };

  const settle = ({ content }, { had, home } = {}) => {
    settled += 1;
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
      if (fresh.matches(".is-saving")) own.set(fresh.dataset.opportunity, fresh.dataset.name);
      if (refused && fresh.isConnected) fresh.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    const snack = news.querySelector(".snack");
    if (snack) toast(snack);
    say(news.dataset.say);
    soon();
  };

  const toast = (snack) => {
    byId("toasts").replaceChildren(snack);
    const leave = () => {
      if (snack.matches(":hover, :focus-within")) setTimeout(leave, 1000);
      else snack.remove();
    };
    setTimeout(leave, Number(snack.dataset.lasts) * 1000);
  };

  const putBack = (card, home) => {
    const before = home.next?.isConnected && home.next.closest(".lane") === home.lane ? home.next : null;
    home.lane.querySelector(".lane-cards").insertBefore(card, before);
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
    note(card, "card-note", `Moving from ${nameOf(from)}…`);
    placeTop(card, stage);
    refocus(had, card, home.lane);
    let answer;
    try {
      answer = await ask(url, { body }).catch(() => new Promise((again) => setTimeout(() => again(ask(url, { body })), 1000)));
    } catch {
      // Nobody answered twice: it may be saved or not, and the board asks as soon as the server answers again.
      const back = home.markup;
      back.classList.remove("is-saving");
      back.classList.add("is-refused");
      const piece = note(back, "card-trouble", byId("toasts").dataset.offline);
      Object.assign(piece.querySelector("a"), { href: url });
      piece.querySelector("a").dataset.moveTo = stage;
      card.remove();
      putBack(back, home);
      refocus(had, back, home.lane);
      say(byId("toasts").dataset.offline);
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

  const openDialog = (form, card, stage) => {
    byId("move-dialog-title").textContent = `Move ${card.dataset.name} to ${nameOf(stage)}`;
    dialog.querySelector(".panel-body").replaceChildren(form);
    dialog.dataset.opportunity = card.dataset.opportunity;
    if (!dialog.open) dialog.showModal();
    (form.querySelector("[data-focus]") ?? form.querySelector("#id_lost_reason, #id_probability"))?.focus();
  };

  // A lost stage asks why, a won one offers certainty to a deal that has a probability of its own.
  const asksFirst = (card, stage) => {
    const meaning = menu.querySelector(`[data-to="${CSS.escape(stage)}"]`)?.dataset.meaning;
    return meaning === "lost" || (meaning === "won" && !["100", undefined].includes(card.dataset.probability));
  };

  const begin = async (card, stage) => {
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

  document.addEventListener("board:move", (event) => begin(event.detail.card, event.detail.stage));

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.hasAttribute("data-move-form")) {
      event.preventDefault();
      const data = new FormData(form);
      const more = {};
      for (const name of ["lost_reason", "probability", "confirm_overwrite"]) if (data.get(name)) more[name] = data.get(name);
      const card = cardOf(dialog.dataset.opportunity);
      dialog.close();
      if (card) {
        linkIn(card)?.focus({ preventScroll: true });
        move(card, data.get("pipeline_stage_id"), more);
      }
    } else if (form.hasAttribute("data-undo")) {
      event.preventDefault();
      const old = cardOf(form.dataset.opportunity);
      form.querySelector("button").setAttribute("aria-disabled", "true");
      try {
        const answer = await ask(form.getAttribute("action"), { body: new URLSearchParams(new FormData(form)) });
        form.closest(".snack")?.remove();
        settle(answer, { had: true, home: old ? { lane: old.closest(".lane") } : undefined });
      } catch {
        trouble("offline");
      }
    }
  });

  // -------------------------------------------------------------------- menu

  const openMenu = (card, button) => {
    menuCard = card;
    for (const item of menu.querySelectorAll("[data-to]")) {
      const here = item.dataset.to === card.dataset.stage;
      item.toggleAttribute("aria-disabled", here);
      if (here) item.setAttribute("aria-disabled", "true");
      const end = item.querySelector(".end");
      end.textContent = here ? "now" : end.dataset.end;
    }
    byId("move-menu-title").textContent = `Move ${card.dataset.name} to`;
    if (menu.matches(":popover-open")) menu.hidePopover();
    menu.showPopover();
    beside(menu, button);
    menu.querySelector("[data-to]:not([aria-disabled])")?.focus();
  };

  const beside = (panel, button) => {
    const at = button.getBoundingClientRect();
    const { clientWidth: width, clientHeight: height } = document.documentElement;
    // Measured where it surely fits: beyond the edge it would widen the page of a phone.
    panel.style.left = panel.style.top = "8px";
    const below = at.bottom + 4 + panel.offsetHeight <= height - 8;
    panel.style.left = `${Math.max(8, Math.min(at.left, width - panel.offsetWidth - 8))}px`;
    panel.style.top = `${Math.max(8, below ? at.bottom + 4 : height - panel.offsetHeight - 8)}px`;
  };

  menu.addEventListener("click", (event) => {
    const item = event.target.closest("[data-to]");
    if (!item || item.hasAttribute("aria-disabled")) return;
    const card = cardOf(menuCard.dataset.opportunity);
    linkIn(card)?.focus({ preventScroll: true });
    menu.hidePopover();
    begin(card, item.dataset.to);
  });

  menu.addEventListener("keydown", (event) => {
    const items = [...menu.querySelectorAll("[data-to]:not([aria-disabled])")];
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined && event.key !== "Tab") return;
    event.preventDefault();
    if (event.key === "Tab") return menu.hidePopover();
    items.at(next % items.length).focus();
  });

  menu.addEventListener("toggle", (event) => {
    if (event.newState === "closed" && (menu.contains(document.activeElement) || document.activeElement === document.body)) {
      linkIn(menuCard && cardOf(menuCard.dataset.opportunity))?.focus({ preventScroll: true });
    }
  });

  // ---------------------------------------------------------------- keyboard

  const step = (card, key) => {
    if (key === "ArrowUp") return card.previousElementSibling;
    if (key === "ArrowDown") return card.nextElementSibling;
    const all = lanes().filter((lane) => lane.querySelector(".deal") || lane.contains(card));
    const lane = all[all.indexOf(card.closest(".lane")) + (key === "ArrowRight" ? 1 : -1)];
    if (!lane) return null;
    const place = cardsIn(card.closest(".lane")).indexOf(card);
    const there = cardsIn(lane);
    return there[Math.min(place, there.length - 1)];
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const card = event.target.closest?.(".deal");
    if (!card || !board.contains(card)) return;
    if (event.key === "m" && document.body.dataset.shortcuts === "on" && card.hasAttribute("data-movable")) {
      event.preventDefault();
      openMenu(card, card.querySelector("[data-menu]"));
    } else if (/^Arrow/.test(event.key)) {
      const next = linkIn(step(card, event.key));
      if (!next) return;
      event.preventDefault();
      next.focus();
    }
  });

  // ------------------------------------------------- windows, rail and panels

  const more = async (link) => {
    const lane = link.closest(".lane");
    const bones = template("loading");
    const late = setTimeout(() => lane.querySelector(".lane-cards").append(bones), 300);
    link.setAttribute("aria-disabled", "true");
    try {
      const { content } = await ask(link.href);
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
    if (!lane) return trouble("missing");
    board.insertBefore(lane, board.querySelector(".rail"));
    link.hidden = true;
    lane.scrollIntoView({ inline: "nearest", block: "nearest" });
    (linkIn(lane) ?? lane.querySelector("[data-fold]"))?.focus();
  };

  const fold = (lane) => {
    const link = board.querySelector(`[data-rail="${CSS.escape(lane.dataset.lane)}"]`);
    lane.remove();
    if (link) {
      link.hidden = false;
      link.focus();
    }
  };

  const openPanel = async (link) => {
    const panel = byId(link.dataset.panel);
    const { content } = await ask(link.href);
    panel.replaceChildren(...content.body.childNodes);
    panel.showPopover();
    beside(panel, link);
    panel.querySelector("select, input:not([type=hidden]), a, button")?.focus();
  };

  const openForm = async (link) => {
    const drawer = byId("create-drawer");
    await htmx.ajax("GET", link.href, { source: drawer, target: "#create-drawer .drawer-body", select: "#create", swap: "innerHTML" });
    if (drawer.querySelector("#create") && !drawer.open) drawer.showModal();
    drawer.querySelector("#id_q, #id_name")?.focus();
  };

  const plain = (event) => event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    const failed = () => trouble("offline");
    let done = true;
    if (plain(event)) return;
    if (at(".deal [data-menu]") && board.contains(event.target)) openMenu(at(".deal"), at("[data-menu]"));
    else if (at("a[data-move-to]")) begin(at(".deal"), at("[data-move-to]").dataset.moveTo);
    else if (at("[data-more]")) more(at("[data-more]"));
    else if (at("[data-rail]")) unfold(at("[data-rail]")).catch(failed);
    else if (at("[data-fold]")) fold(at(".lane"));
    else if (at("[data-panel]")) openPanel(at("[data-panel]")).catch(failed);
    else if (at("[data-create]")) openForm(at("[data-create]")).catch(failed);
    else if (at("[data-show]")) show(at(".lane"));
    else if (at("[data-live]")) live(at("[data-live]"));
    else if (at("#move-dialog [data-cancel]")) dialog.close();
    else if (at("#create-drawer .form-acts a")) byId("create-drawer").close();
    else done = false;
    if (done) event.preventDefault();
  });

  // Space presses what acts as a button, also where it is a link.
  document.addEventListener("keydown", (event) => {
    const link = event.key === " " && event.target.closest?.("a[data-menu], a[data-panel], a[data-rail]");
    if (!link) return;
    event.preventDefault();
    link.click();
  });

  // The form in the drawer is sent from there; what it answers stays there, or a word about the new deal comes back.
  document.addEventListener("htmx:afterSettle", () => {
    const form = byId("create-drawer").querySelector("#create-form:not([hx-post])");
    if (!form) return;
    for (const [name, value] of [["hx-post", form.getAttribute("action")], ["hx-target", "#create"], ["hx-swap", "outerHTML"], ["hx-vals", '{"after":"board"}']]) form.setAttribute(name, value);
    form.removeAttribute("data-guard");
    htmx.process(form);
  });
  document.addEventListener("board:created", (event) => {
    byId("create-drawer").close();
    const snack = template("toast");
    snack.classList.remove("snack-bad");
    snack.setAttribute("role", "status");
    snack.dataset.lasts = "10";
    snack.querySelector("span").textContent = event.detail.value;
    toast(snack);
    say(event.detail.value);
    soon();
  });

  // -------------------------------------------------------- what others change

  const isBusy = (lane) => Boolean(
    document.activeElement.closest?.(".lane-cards, .lane-more, .lane-news")?.closest(".lane") === lane ||
    (menu.matches(":popover-open") && lane.contains(cardOf(menuCard.dataset.opportunity))) ||
    (dialog.open && lane.contains(cardOf(dialog.dataset.opportunity))) ||
    lane.querySelector(".is-grabbed") !== null ||
    (byId("drawer")?.open && lane.contains(cardOf(document.querySelector("#deal")?.dataset.opportunity ?? "")))
  );

  const same = (a, b) => a.isEqualNode(b);

  // Cards that differ between the column as it is and as it should be; those just being moved here are nobody else's.
  const differing = (lane, fresh) => {
    const now = new Map(cardsIn(lane).map((card) => [card.dataset.opportunity, card]));
    const then = new Map(cardsIn(fresh).map((card) => [card.dataset.opportunity, card]));
    return [...new Set([...now.keys(), ...then.keys()])].filter(
      (id) => !inFlight.has(id) && !(now.has(id) && then.has(id) && same(now.get(id), then.get(id))),
    );
  };

  // How many of them somebody changed: a card that only slid into the window, or out of it, is as it was.
  const counted = (lane, fresh, ids) => {
    const order = (from) => cardsIn(from).map((card) => card.dataset.opportunity);
    const [now, then] = [order(lane), order(fresh)];
    const slid = (list, other) => {
      const last = list.findLastIndex((id) => other.includes(id));
      return list.slice(last + 1);
    };
    const edge = new Set([
      ...(lane.querySelector(".lane-more") ? slid(then, now) : []),
      ...(fresh.querySelector(".lane-more") ? slid(now, then) : []),
    ]);
    return ids.filter((id) => !edge.has(id)).length || ids.length;
  };

  const swapHead = (lane, fresh) => {
    const old = lane.querySelector(".lane-head");
    if (!old.contains(document.activeElement)) old.replaceWith(fresh.querySelector(".lane-head").cloneNode(true));
  };

  const swap = (lane, fresh) => {
    swapHead(lane, fresh);
    waiting.delete(lane);
    lane.querySelector(".lane-news")?.remove();
    const list = lane.querySelector(".lane-cards");
    const staying = cardsIn(lane).filter((card) => inFlight.has(card.dataset.opportunity));
    const kept = new Map(cardsIn(lane).map((card) => [card.dataset.opportunity, card]));
    const wanted = cardsIn(fresh)
      .filter((card) => !inFlight.has(card.dataset.opportunity))
      .map((card) => {
        const old = kept.get(card.dataset.opportunity);
        return old && same(old, card) ? old : card;
      });
    const focused = document.activeElement.closest?.(".deal")?.dataset.opportunity;
    // A card under somebody's hands in another column stays there until that column is shown as it is now.
    const held = new Set();
    for (const card of wanted) {
      const elsewhere = cardOf(card.dataset.opportunity);
      if (!elsewhere || elsewhere === card || lane.contains(elsewhere)) continue;
      if (isBusy(elsewhere.closest(".lane")) && !elsewhere.matches(".is-saving")) held.add(card);
      else elsewhere.remove();
    }
    if (held.size) behind.add(lane);
    else behind.delete(lane);
    const top = list.scrollTop;
    list.replaceChildren(...staying, ...wanted.filter((card) => !held.has(card)));
    list.scrollTop = top;
    const more = fresh.querySelector(".lane-more");
    lane.querySelector(".lane-more")?.remove();
    if (more) lane.append(more);
    if (focused && document.activeElement === document.body) linkIn(cardOf(focused))?.focus({ preventScroll: true });
  };

  const show = (lane) => {
    const fresh = waiting.get(lane);
    if (!fresh) return;
    swap(lane, fresh);
    (linkIn(lane) ?? byId("main")).focus({ preventScroll: true });
    say("Shown");
    for (const other of [...behind]) refresh(other).catch(() => trouble("offline"));
  };

  const refresh = async (lane) => {
    const shown = Math.max(20, cardsIn(lane).length);
    const before = settled;
    const { status, content } = await ask(`${lane.dataset.url}&shown=${shown}`, { poll: true });
    // Drawn, perhaps, before a move that was answered meanwhile: it would bring the card back to where it came from.
    if (settled !== before) return refresh(lane);
    const fresh = content.querySelector(".lane");
    if (status !== 200 || !fresh || !lane.isConnected) return;
    let ids = differing(lane, fresh);
    if (ids.length && isBusy(lane)) {
      // What was on its way when it was drawn may come to its end under somebody's hands: only that card changes.
      for (const card of cardsIn(lane)) {
        const then = [...cardsIn(fresh)].find((each) => each.dataset.opportunity === card.dataset.opportunity);
        if (card.matches(".is-saving") && then && ids.includes(card.dataset.opportunity)) swapCard(card, then.cloneNode(true));
      }
      ids = differing(lane, fresh);
    }
    if (!ids.length) {
      swapHead(lane, fresh);
      waiting.delete(lane);
      lane.querySelector(".lane-news")?.remove();
    } else if (isBusy(lane)) {
      waiting.set(lane, fresh);
      const news = lane.querySelector(".lane-news") ?? template("lane-news");
      const count = counted(lane, fresh, ids);
      news.querySelector("span").textContent = `${count} deal${count === 1 ? "" : "s"} changed - show ${count === 1 ? "it" : "them"}`;
      lane.querySelector(".lane-head").after(news);
    } else swap(lane, fresh);
  };

  const renew = (id, fresh) => {
    const old = byId(id);
    if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(fresh);
  };

  const apply = async (news) => {
    since = news.dataset.since;
    renew("board-head", news.querySelector("#board-head"));
    const stamp = news.querySelector("[data-stamp]");
    if (stamp) {
      Object.assign(document.body.dataset, { syncedAt: stamp.dataset.syncedAt, stale: stamp.dataset.stale });
      byId("stamp").replaceChildren(...stamp.childNodes);
    }
    for (const fresh of news.querySelectorAll("[data-rail]")) {
      const old = board.querySelector(`[data-rail="${CSS.escape(fresh.dataset.rail)}"] .tally`);
      old?.replaceWith(fresh.querySelector(".tally"));
    }
    // What was on its way may have ended where it was aimed at, or back where it came from.
    const ways = [...board.querySelectorAll(".deal.is-saving")].flatMap((card) => [card.closest(".lane")?.dataset.lane, card.dataset.from]);
    const changed = new Set([...news.dataset.changed.split(" "), ...ways]);
    const due = lanes().filter((lane) => changed.has(lane.dataset.lane)).sort((a, b) => isBusy(a) - isBusy(b));
    // A board that was empty has no lanes to fill in place.
    if (board.hidden && changed.size) return location.reload();
    for (const lane of due) await refresh(lane);
    tellEnds();
  };

  // A move of one's own that was still on its way when it was answered: say how it ended, once.
  const tellEnds = () => {
    for (const [id, name] of own) {
      const card = cardOf(id);
      if (card?.matches(".is-saving")) continue;
      own.delete(id);
      if (!card) continue;
      const note = card.querySelector(".deal-note")?.textContent.trim();
      say(note ? `${name}: ${note.split("\n")[0]}` : `Moved ${name} to ${nameOf(card.dataset.stage)}`);
    }
  };

  const check = async () => {
    clearTimeout(timer);
    const isLive = document.querySelector("[data-live]")?.getAttribute("aria-pressed") !== "false";
    if (document.hidden || !isLive || board.classList.contains("is-dragging")) return plan();
    checking = true;
    try {
      polls += 1;
      const fresh = polls % FRESH_EVERY === 0 ? "&fresh=1" : "";
      const { status, content } = await ask(`${board.dataset.changes}&since=${encodeURIComponent(since)}${fresh}`, { poll: true });
      const news = content.querySelector("[data-since]");
      if (status === 200 && news) await apply(news);
      plan();
    } catch {
      plan(EVERY_MS * 3);
    } finally {
      checking = false;
      if (again) plan(200);
      again = false;
    }
  };

  const plan = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(check, wait ?? (board.querySelector(".is-saving") ? SOON_MS : EVERY_MS));
  };
  // One look at a time: the answers of an older one must not arrive after those of a newer one.
  const soon = () => {
    if (checking) again = true;
    else plan(200);
  };

  const live = (button) => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    say(on ? "Changes of colleagues appear by themselves" : "Changes of colleagues wait until you turn Live on again");
    if (on) soon();
  };

  document.addEventListener("visibilitychange", () => document.hidden || soon());
  document.addEventListener("close", () => soon(), true);
  // Back from another page the browser shows this one as it was left: look what became of it.
  window.addEventListener("pageshow", (event) => event.persisted && soon());
  plan();
})();
