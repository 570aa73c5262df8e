// Asks every few seconds for the part of the page that changes, which the server has escaped, and puts it in place.
"use strict";
const live = document.getElementById("live");

function isInUse() {
  // Whoever is about to press a button should find it where it was.
  return live.querySelector("details[open], :active") !== null;
}

async function refresh() {
  if (document.hidden || isInUse()) return;
  try {
    const answer = await fetch(live.dataset.from, { headers: { "X-XSRFToken": live.dataset.xsrf } });
    if (answer.status === 403) {
      location.reload(); // logged out, or no longer an instructor
      return;
    }
    if (!answer.ok) throw new Error(answer.statusText);
    const text = await answer.text();
    if (isInUse()) return;
    const focused = live.contains(document.activeElement) && document.activeElement.closest("[id]");
    live.innerHTML = text;
    if (focused) document.getElementById(focused.id)?.querySelector("summary, a, button")?.focus();
    live.classList.remove("stale");
  } catch {
    live.classList.add("stale"); // what is shown may be old
  }
}

if (live !== null) {
  setInterval(refresh, 1000 * Number(live.dataset.every));
  document.addEventListener("visibilitychange", refresh);
}
