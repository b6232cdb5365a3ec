// What every page has: parts with names, a line that screen readers read out, and pieces of markup to copy.
export const byId = (id) => document.getElementById(id);

export const say = (text) => {
  if (text) byId("status").textContent = text;
};

export const copyOf = (template) => byId(template).content.firstElementChild.cloneNode(true);
