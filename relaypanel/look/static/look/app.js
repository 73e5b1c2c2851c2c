// What the pages do beyond plain forms and links.  Each part is an attribute in the template, and
// without this file every page still works.

"use strict";

const LIVE_SECONDS = 4;

// -- Theme: at once, and remembered by the form behind the button --

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-theme-form]");
  if (!form) return;
  event.preventDefault();
  const root = document.documentElement;
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const isDark = root.dataset.theme === "dark" || (root.dataset.theme === "auto" && systemIsDark);
  root.dataset.theme = isDark ? "light" : "dark";
  const fields = new FormData(form);
  fields.set("theme", root.dataset.theme);
  fetch(form.action, { method: "POST", body: fields, redirect: "manual" });
});

// -- Search: "/" goes there, as long as nobody is typing --

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.querySelector("main [data-search]") ?? document.querySelector("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// -- Live parts: hx-trigger="live" is asked again while somebody is looking --

setInterval(() => {
  if (document.visibilityState !== "visible" || !window.htmx) return;
  for (const part of document.querySelectorAll('[hx-trigger~="live"]')) {
    // A menu or a field that is in use must not be drawn anew under the hand.
    if (!part.contains(document.activeElement) && !part.querySelector("details[open]")) {
      window.htmx.trigger(part, "live");
    }
  }
}, LIVE_SECONDS * 1000);

// -- Copying: data-copy says what, or names an element by data-copy-from --

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  await navigator.clipboard.writeText(source ? source.textContent.trim() : button.dataset.copy);
  const words = button.dataset.copied;
  if (words) {
    tell(words);
  }
});

function tell(words) {
  const line = document.createElement("p");
  line.className = "message message-success";
  line.textContent = words;
  document.getElementById("messages").append(line);
  setTimeout(() => line.remove(), 4000);
}

// -- Confirming: a form with a question asks it before it is sent; without this, the answer asks --

document.addEventListener("submit", (event) => {
  const form = event.target;
  const ofButton = event.submitter && form.elements.namedItem(`asks.${event.submitter.value}`);
  const asks = ofButton || form.elements.namedItem("asks");
  const words = asks && asks.value;
  if (!words || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-words").textContent = words;
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener(
    "close",
    () => {
      if (dialog.returnValue !== "yes") return;
      form.dataset.confirmed = "yes";
      // An empty question is none: it was answered here.
      asks.value = "";
      form.requestSubmit(event.submitter);
      asks.value = words;
      delete form.dataset.confirmed;
    },
    { once: true },
  );
}, true);

// -- Sending once: a form that is on its way is not sent again by a second click --

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.matches("[hx-post], [data-theme-form]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
});

// Coming back by the back button finds the form ready again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
});

// -- Forms that send themselves when a choice is made --

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form) form.requestSubmit();
});

// -- Chips: of a row that is wider than the screen, the chosen one is in sight --

for (const chip of document.querySelectorAll(".chips [aria-current]")) {
  const row = chip.closest(".chips");
  const left = chip.getBoundingClientRect().left - row.getBoundingClientRect().left;
  row.scrollLeft = left - (row.clientWidth - chip.offsetWidth) / 2;
}

// -- All boxes at once --

document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-all]");
  if (!all) return;
  for (const box of document.querySelectorAll(all.dataset.all)) box.checked = all.checked;
});

// -- Menus close when the focus or a click goes elsewhere, or with Escape --

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open], details.person[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest && event.target.closest("details.menu[open], details.person[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// -- Tips of charts --

document.addEventListener("pointerover", (event) => {
  const tip = document.getElementById("tip");
  const spot = event.target.closest && event.target.closest("[data-tip]");
  tip.hidden = !spot;
  if (!spot) return;
  tip.textContent = spot.dataset.tip;
  const box = spot.querySelector("circle").getBoundingClientRect();
  const half = tip.offsetWidth / 2;
  const centre = box.left + box.width / 2;
  const left = Math.min(Math.max(centre, half + 8), document.documentElement.clientWidth - half - 8);
  // Through the object model, which the content policy allows; a style attribute it would not.
  tip.style.left = `${left + window.scrollX}px`;
  tip.style.top = `${box.top + window.scrollY - 10}px`;
});

// -- Putting in order: data-sort names the form that sends the order of a row's items, and the grip
// of an item moves it, by pointer or by arrow keys.  The others are moved around it, so that it keeps
// the focus and the pointer. --

const KEYS_REST_MS = 700;

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest("[data-grip]");
  if (!grip || event.button !== 0) return;
  event.preventDefault();
  grip.focus();
  grip.setPointerCapture(event.pointerId);
  const item = sorted(grip);
  const before = orderOf(item.parentElement);
  const move = ({ clientX, clientY }) => {
    const under = [...item.parentElement.children].find((one) => {
      const box = one.getBoundingClientRect();
      return box.top <= clientY && clientY < box.bottom && box.left <= clientX && clientX < box.right;
    });
    if (under && under !== item) moveTo(item, under);
  };
  const end = () => {
    grip.removeEventListener("pointermove", move);
    grip.removeEventListener("lostpointercapture", end);
    item.classList.remove("moving");
    if (orderOf(item.parentElement) !== before) sendOrder(item.parentElement);
  };
  item.classList.add("moving");
  grip.addEventListener("pointermove", move);
  grip.addEventListener("lostpointercapture", end);
});

document.addEventListener("keydown", (event) => {
  const grip = event.target.closest && event.target.closest("[data-grip]");
  if (!grip || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const item = sorted(grip);
  const there = event.key === "ArrowUp" ? item.previousElementSibling : item.nextElementSibling;
  if (!there || !there.querySelector("[data-grip]")) return;
  moveTo(item, there);
  grip.scrollIntoView({ block: "nearest" });
  clearTimeout(item.parentElement.sending);
  item.parentElement.sending = setTimeout(sendOrder, KEYS_REST_MS, item.parentElement);
});

document.addEventListener("htmx:afterRequest", (event) => {
  const words = event.detail.successful && event.target.dataset.told;
  if (words) tell(words);
});

function sorted(grip) {
  return grip.closest("[data-sort] > *");
}

function orderOf(row) {
  const fields = [...row.querySelectorAll(":scope > * > [name=id], :scope > * > header [name=id]")];
  return fields.map((field) => field.value).join();
}

function moveTo(item, there) {
  const isBehind = item.compareDocumentPosition(there) & Node.DOCUMENT_POSITION_FOLLOWING;
  const others = [...item.parentElement.children].filter((one) => one !== item);
  const place = others.indexOf(there);
  if (isBehind) item.before(...others.slice(0, place + 1));
  else item.after(...others.slice(place));
}

function sendOrder(row) {
  document.getElementById(row.dataset.sort).requestSubmit();
}
