// Puts an open panel beside the button it came from, and always into view.
export const beside = (panel, button) => {
  const at = button.getBoundingClientRect();
  const { clientWidth: width, clientHeight: height } = document.documentElement;
  // Measured where it surely fits: beyond the edge it would widen the page of a phone.
  panel.style.left = panel.style.top = "8px";
  const below = at.bottom + 4 + panel.offsetHeight <= height - 8;
  panel.style.left = `${Math.max(8, Math.min(at.left, width - panel.offsetWidth - 8))}px`;
  panel.style.top = `${Math.max(8, below ? at.bottom + 4 : height - panel.offsetHeight - 8)}px`;
};
