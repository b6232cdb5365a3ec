// Questions to the server that are never htmx's own: a poll must not wait behind, or replace, what a person asked for.
const PATIENCE_MS = 12000;

export const send = async (url, { poll, ...request } = {}) => {
  const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers"));
  const headers = { "HX-Request": "true", "HX-Current-URL": location.href, "X-CSRFToken": token };
  // A poll keeps no session alive.
  if (poll) headers["X-Poll"] = "1";
  const answer = await fetch(url, { ...request, headers });
  if (answer.status === 401) location.assign(answer.headers.get("HX-Redirect") ?? "/");
  return answer;
};

export const ask = async (url, { body, poll } = {}) => {
  const answer = await send(url, { method: body ? "POST" : "GET", body, poll, signal: AbortSignal.timeout(PATIENCE_MS) });
  const text = answer.status === 204 ? "" : await answer.text();
  // A document of its own, in which nothing runs and nothing loads.
  return { status: answer.status, content: new DOMParser().parseFromString(text, "text/html") };
};
