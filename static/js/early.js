// Marks that scripts run, before anything is drawn: `.only-plain` and `.only-js` in theme.css depend on it.
document.documentElement.classList.add("js");

// htmx would note the address of each page in the tab's storage, with what was searched for, and it would stay there after
// signing out. htmx tries first whether it may, and does without.
Object.defineProperty(window, "sessionStorage", {
  get() {
    throw new DOMException("This site keeps nothing in the browser.", "SecurityError");
  },
});
