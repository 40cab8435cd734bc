// Shortcuts of the studio and of a galaxy's page, the radius slider, and downloads that take a while.
"use strict";

const PRESSES = {
  g: "#generate",
  r: "#regenerate",
  v: "#variation",
  l: ".votes button[value=like]",
  d: ".votes button[value=dislike]",
  s: ".downloads a[href$='.png']",
};

// Where a key has a meaning of its own: letters where one types, arrows also in what they move.
const TYPING = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]";
const MOVED_BY_ARROWS = "input, textarea, select, [contenteditable]";

function press(key) {
  const near = document.activeElement.closest("[data-galaxy-id]");
  const button = near?.querySelector(PRESSES[key]) ?? document.querySelector(PRESSES[key]);
  button?.click();
  return Boolean(button);
}

function openBlend() {
  const summary = document.getElementById("open-blend");
  if (!summary) return false;
  summary.parentElement.open = true;
  document.getElementById("blend-b").focus();
  return true;
}

// The newest is the first, so that the left arrow leads to what came later.
function alongTheFilm(direction) {
  const film = [...document.querySelectorAll("[data-film]")];
  const shown = document.querySelector("#result [data-galaxy-id]")?.dataset.galaxyId;
  const at = film.findIndex((each) => each.dataset.film === shown);
  const next = film[at < 0 ? 0 : at + direction];
  next?.click();
  return Boolean(next);
}

document.addEventListener("keydown", (event) => {
  const keys = document.getElementById("keys");
  if (!keys || keys.open || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  let done = false;
  if (key === "ArrowLeft" || key === "ArrowRight") {
    if (!event.target.closest(MOVED_BY_ARROWS)) done = alongTheFilm(key === "ArrowLeft" ? -1 : 1);
  } else if (event.target.closest(TYPING)) return;
  else if (key === "?") {
    keys.showModal();
    done = true;
  } else if (key === "b") done = openBlend();
  else if (key in PRESSES && !event.repeat) done = press(key);
  if (done) event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) document.getElementById("keys")?.showModal();
});

document.addEventListener("input", (event) => {
  if (event.target.id === "radius") document.querySelector("output[for=radius]").value = localised(event.target.value);
});

// A walk is painted frame by frame before its first byte comes: the bar moves meanwhile, and then says how far it is.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-progress]");
  if (!link) return;
  event.preventDefault();
  if (link.getAttribute("aria-busy") === "true") return;
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", link.textContent);
  link.setAttribute("aria-busy", "true");
  link.after(bar);
  try {
    save(await read(await fetch(link.href), bar), link.download);
  } catch {
    say(document.body.dataset.notReached);
  } finally {
    link.removeAttribute("aria-busy");
    bar.remove();
  }
});

async function read(response, bar) {
  if (!response.ok) throw new Error(response.status);
  const size = Number(response.headers.get("Content-Length"));
  const parts = [];
  let read = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: response.headers.get("Content-Type") });
    parts.push(value);
    read += value.length;
    if (size) bar.value = read / size;
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
