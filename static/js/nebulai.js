// Keys, focus and copying. Every page works without it; what it says stands in data attributes, in the page's language.
"use strict";

const still = matchMedia("(prefers-reduced-motion: reduce)");

async function copy(text, copied) {
  try {
    await navigator.clipboard.writeText(text);
    say(copied);
  } catch {
    say(`${document.body.dataset.notCopied} ${text}`);
  }
}

// Copying needs this script, so its buttons come out of hiding here, also in what htmx swaps in.
function reveal(root) {
  root.querySelectorAll("[data-copy], [data-copy-link]").forEach((button) => (button.hidden = false));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-copy-link]");
  if (!button) return;
  if (button.dataset.copy) copy(button.dataset.copy, button.dataset.copied);
  else copy(new URL(button.dataset.copyLink, location.href).href, button.dataset.copied);
});

document.addEventListener("input", (event) => {
  const output = document.getElementById(event.target.dataset.output);
  if (output) output.value = localised(event.target.value);
});

function localised(number) {
  return Number(number).toLocaleString(document.documentElement.lang);
}

// The language switch comes back to the address of now, where a script has changed it since the page came.
const opened = location.href;

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.languages") || location.href === opened) return;
  event.target.elements.next.value = location.pathname + location.search;
});

document.addEventListener("DOMContentLoaded", () => reveal(document));

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.closest("[data-quiet]")) return;
  document.getElementById("message").replaceChildren();
  document.getElementById("result")?.setAttribute("aria-busy", "true");
});

document.addEventListener("htmx:afterRequest", () => document.getElementById("result")?.removeAttribute("aria-busy"));

// An answer puts new pictures at the head of the film: each stands there once, in the room there is, and one is marked.
function tidyFilm(shown) {
  const film = document.getElementById("film");
  for (const list of [film.querySelector("ol"), document.getElementById("film-ids")]) {
    const seen = new Set();
    for (const each of [...list.children]) {
      const id = each.value || each.firstElementChild.dataset.film;
      if (seen.has(id) || seen.size >= Number(film.dataset.room)) each.remove();
      seen.add(id);
    }
  }
  film.querySelectorAll("[aria-current]").forEach((each) => each.removeAttribute("aria-current"));
  film.querySelector(`[data-film="${shown}"]`)?.setAttribute("aria-current", "true");
}

document.addEventListener("htmx:afterSwap", (event) => {
  reveal(event.target);
  if (event.target.id === "result") {
    document.querySelectorAll("#ask .error, #ask .notice").forEach((said) => said.remove());
    document.querySelectorAll("#ask [aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
    tidyFilm(event.target.querySelector(":scope > .card")?.dataset.galaxyId);
    showStage(event.target);
  } else if (event.detail.requestConfig?.elt.closest("#film")) {
    const stage = document.getElementById("result");
    stage.focus({ preventScroll: true });
    showStage(stage);
  }
});

// On a phone the image is above the form, and the film is below both: bring the image into view.
function showStage(stage) {
  if (stage.getBoundingClientRect().top < 0) stage.scrollIntoView({ behavior: still.matches ? "auto" : "smooth" });
}

// A form that came back with errors: go to the first field that needs mending.
document.addEventListener("htmx:afterSettle", () => document.querySelector("#ask [aria-invalid]")?.focus());

document.addEventListener("htmx:sendError", () => say(document.body.dataset.notReached));

// What opens above the bar that sticks to the foot is brought into view.
document.addEventListener("click", (event) => {
  const details = event.target.closest("summary")?.parentElement;
  if (details?.matches(".steer")) requestAnimationFrame(() => details.open && details.scrollIntoView({ block: "nearest" }));
});

// A picture that is dropped on the studio, or chosen there, opens with its recipe.
function pictureForm() {
  return document.querySelector("form[data-drop]");
}

document.addEventListener("dragover", (event) => {
  if (!pictureForm() || !event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  pictureForm().classList.add("is-over");
});

document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) pictureForm()?.classList.remove("is-over");
});

document.addEventListener("drop", (event) => {
  const form = pictureForm();
  if (!form || !event.dataTransfer?.files.length) return;
  event.preventDefault();
  form.classList.remove("is-over");
  const first = new DataTransfer();
  first.items.add(event.dataTransfer.files[0]);
  form.elements.picture.files = first.files;
  form.requestSubmit();
});

document.addEventListener("change", (event) => {
  if (event.target.id === "picture" && event.target.files.length) event.target.form.requestSubmit();
});
