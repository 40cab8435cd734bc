// Sending forms: the pressed button is busy, what was not ready is asked again, pictures show once they are loaded.
"use strict";

const MOST_TRIES = 24;
const waiting = new WeakMap(); // form -> { tries, timer }

// A login in another tab changes the token: the cookie has the one of now.
document.addEventListener(
  "submit",
  (event) => {
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
    const field = event.target.elements.namedItem("csrfmiddlewaretoken");
    if (token && field) field.value = token[1];
  },
  true,
);

function idle() {
  document.querySelectorAll("button[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
}

document.addEventListener("htmx:beforeRequest", (event) => {
  event.detail.requestConfig.triggeringEvent?.submitter?.setAttribute("aria-busy", "true");
  clearTimeout(waiting.get(event.detail.elt)?.timer);
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, xhr, requestConfig } = event.detail;
  const seconds = Number(xhr.getResponseHeader("Retry-After"));
  const tries = (waiting.get(elt)?.tries ?? 0) + 1;
  if (xhr.status !== 503 || !seconds || !elt.matches("form") || tries > MOST_TRIES) {
    waiting.delete(elt);
    idle();
    return;
  }
  const submitter = requestConfig.triggeringEvent?.submitter;
  const timer = setTimeout(() => elt.isConnected && elt.requestSubmit(submitter), seconds * 1000);
  waiting.set(elt, { tries, timer });
  document.querySelector("#message [data-told]")?.removeAttribute("hidden");
});

// A page that says that something was not ready asks again by itself.
document.addEventListener("DOMContentLoaded", () => {
  const again = document.querySelector("main form[data-again]");
  if (!again) return;
  again.parentElement.querySelector("[data-told]")?.removeAttribute("hidden");
  setTimeout(() => again.requestSubmit(), Number(again.dataset.again) * 1000);
});

// The picture before stays, dimmed, until the new one is here.
let before = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id === "result") before = event.detail.target.querySelector(".frame img");
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "result") return;
  event.detail.target.querySelectorAll(".frame > img:not(.former)").forEach((image) => {
    const frame = image.parentElement;
    if (image.complete || frame.matches(".is-loading")) return; // htmx tells of one swap more than once
    const former = before?.cloneNode();
    former?.setAttribute("alt", "");
    former?.classList.add("former");
    if (former) frame.prepend(former);
    frame.classList.add("is-loading");
    const done = () => {
      former?.remove();
      frame.classList.remove("is-loading");
    };
    image.decode().then(done, done);
  });
});
