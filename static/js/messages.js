// Messages: each can be closed, goes after some seconds, and stays for screen readers. Without this script they stay.
"use strict";

const SHOWN_MS = 8000;
const STEP = 8; // px

function say(text) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("message").replaceChildren(line);
}

function attend(message) {
  if (message.nodeType !== Node.ELEMENT_NODE || message.matches(".visually-hidden")) return;
  const close = document.getElementById("close").content.firstElementChild.cloneNode(true);
  const hide = () => {
    close.remove();
    message.classList.add("visually-hidden");
  };
  // Whoever points at it, or has the focus in it, may still be reading.
  const later = () => setTimeout(() => (message.matches(":hover, :focus-within") ? later() : hide()), SHOWN_MS);
  close.addEventListener("click", hide);
  message.append(close);
  later();
}

// On a page that is scrolled, messages stick to where they lie over no control.
function place() {
  const box = document.getElementById("message");
  box.style.top = "0";
  const { top, height } = box.getBoundingClientRect();
  if (!height || top > 0) return;
  const controls = [...document.querySelectorAll("main :is(a:not(.picture), button, label, input, select, summary, textarea)")]
    .filter((control) => control.checkVisibility()) // what is folded away has a place, too
    .map((control) => control.getBoundingClientRect())
    .filter((control) => control.height && control.bottom > 0 && control.top < innerHeight);
  const isFree = (from) => controls.every((control) => control.bottom <= from || control.top >= from + height);
  for (let from = 0; from + height <= innerHeight; from += STEP) {
    if (isFree(from)) {
      box.style.top = `${from}px`;
      return;
    }
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("message");
  box.childNodes.forEach(attend);
  new MutationObserver((changes) => {
    changes.forEach((change) => change.addedNodes.forEach(attend));
    place();
  }).observe(box, { childList: true });
});

addEventListener("load", () => requestAnimationFrame(place));
document.addEventListener("htmx:afterSettle", place);
document.addEventListener("scrollend", place);
