// A plain click is ours; with a modifier or another button the browser knows better (a new tab, a download).
export const isPlain = (event) => !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

export const onClick = (selector, act) =>
  document.addEventListener("click", (event) => {
    const element = event.target.closest(selector);
    if (!element || !isPlain(event)) return;
    event.preventDefault();
    act(element);
  });
