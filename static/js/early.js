// Marks that scripts run, before anything is drawn: `.only-plain` and `.only-js` in theme.css depend on it.
document.documentElement.classList.add("js");
