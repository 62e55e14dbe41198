// The console by keyboard: each link or button with data-key answers to that key; ? opens the list of keys.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.repeat) return; // a key that is held down judges nothing that has not been read
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === "?") {
    const help = document.getElementById("aide");
    help.open = !help.open;
    if (help.open) help.querySelector("summary").focus();
    return;
  }
  const wanted = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
  if (wanted) {
    event.preventDefault();
    wanted.click();
  }
});

// A verdict is sent once, however often the key is hit.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});

// A page taken back from the browser's memory may be used again.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
