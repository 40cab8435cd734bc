// Tiles: select all that are shown; when one is deleted, go on at the one after it.
"use strict";

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-select-all]")) return;
  event.preventDefault();
  document.querySelectorAll(".tile .pick input").forEach((box) => (box.checked = true));
});

let after = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  const tile = event.detail.target;
  if (tile.matches(".tile")) after = tile.nextElementSibling?.querySelector("a, button") ?? null;
});

document.addEventListener("htmx:afterSwap", () => {
  after?.focus({ preventScroll: true });
  after = null;
});
