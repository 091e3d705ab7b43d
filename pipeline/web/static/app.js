// What makes the pages quicker for those whose browser runs it. Every page works without.
"use strict";

const keysOff = "feedback-keys-off"; // in the browser's own storage; nothing else is kept there
let prefix = "";

function keysAreOn() {
  try { return localStorage.getItem(keysOff) === null; } catch { return true; }
}

function setKeys(on) {
  try { on ? localStorage.removeItem(keysOff) : localStorage.setItem(keysOff, "1"); } catch { /* for this page only */ }
  document.documentElement.classList.toggle("no-keys", !on);
}

function typing(target) {
  return target.closest("textarea, select, input:not([type=checkbox]):not([type=radio]), [contenteditable]") !== null;
}

// Every element names the keys that press it: data-key="n", or "t 1" for one after the other.
function pressedBy(keys) {
  return [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key.split(",").includes(keys));
}

function press(element) {
  if (element.matches("textarea, input[type=search]")) element.focus();
  else {
    if (element.matches("input")) element.focus();
    element.click();
  }
}

function tell(words) {
  const line = document.getElementById("pending");
  if (line) line.textContent = words;
}

function listOf(letter) {
  return [...document.querySelectorAll("fieldset[data-letter]")].find((one) => one.dataset.letter === letter);
}

function onKey(event) {
  if (event.target.matches("textarea")) {
    if (event.key === "Escape") event.target.blur();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (!keysAreOn() && event.key !== "?") return;
  const arrowOfRadio = event.key.startsWith("Arrow") && event.target.matches("input[type=radio]");
  if (arrowOfRadio) return;
  const keys = prefix ? `${prefix} ${event.key}` : event.key;
  const list = prefix ? null : listOf(event.key);
  prefix = "";
  tell("");
  const element = pressedBy(keys);
  if (element) {
    event.preventDefault();
    press(element);
  } else if (list) {
    event.preventDefault();
    prefix = event.key;
    tell(`${list.dataset.name}: now the key beside the code`);
    list.scrollIntoView({ block: "nearest" });
  } else if (document.body.dataset.keys === "queue") moveInGrid(event);
}

function moveInGrid(event) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const here = rows.findIndex((row) => row.closest("tr").contains(document.activeElement));
  if (event.key === "j" || event.key === "k") {
    const next = rows[here === -1 ? 0 : here + (event.key === "j" ? 1 : -1)];
    if (next) next.focus();
    event.preventDefault();
  }
  if (event.key === "x" && here !== -1) rows[here].closest("tr").querySelector("input[name=n]").click();
}

// On a phone the filters are folded away until they are wanted.
function setUpFolds() {
  if (window.matchMedia("(max-width: 45rem)").matches && !new URLSearchParams(location.search).size) {
    document.querySelectorAll("details.fold").forEach((fold) => { fold.open = false; });
  }
}

function setUpTicks() {
  const boxes = [...document.querySelectorAll("input[name=n]")];
  const all = document.getElementById("tick-all");
  if (!all) return;
  all.hidden = false;
  let last = null;
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    document.getElementById("ticked").textContent = ticked ? `${ticked} ticked:` : "For those ticked:";
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  all.addEventListener("click", () => { boxes.forEach((box) => { box.checked = all.checked; }); count(); });
  boxes.forEach((box, place) => box.addEventListener("click", (event) => {
    if (event.shiftKey && last !== null) {
      boxes.slice(Math.min(last, place), Math.max(last, place) + 1).forEach((one) => { one.checked = box.checked; });
    }
    last = place;
    count();
  }));
  count();
}

// The words that spoke for a code stand out while one is at that code.
function setUpMarks() {
  const marks = [...document.querySelectorAll("mark[data-codes]")];
  const show = (code) => marks.forEach((mark) => mark.classList.toggle("on", mark.dataset.codes.split(" ").includes(code)));
  document.querySelectorAll("[data-code]").forEach((row) => {
    row.addEventListener("mouseenter", () => show(row.dataset.code));
    row.addEventListener("mouseleave", () => show(""));
    row.addEventListener("focusin", () => show(row.dataset.code));
    row.addEventListener("focusout", () => show(""));
  });
}

// Opens what the code one is at means, else what the codes that are ticked mean; closes them all where any is open.
function toggleFolds(which, before) {
  const folds = [...document.querySelectorAll(which)];
  const row = document.activeElement.closest("[data-code]") || before;
  const wanted = (fold) => {
    const own = fold.closest("[data-code]");
    return row ? own === row : own.querySelector("input").checked;
  };
  const open = !folds.some((fold) => fold.open);
  folds.forEach((fold) => { fold.open = open && wanted(fold); });
}

function setUpButtons() {
  document.querySelectorAll("[data-opens], .keys-hint, .needs-script").forEach((one) => { one.hidden = false; });
  let last = null; // the row one was at before the button took the focus
  document.addEventListener("focusout", (event) => { last = event.target.closest("[data-code]"); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-opens], [data-toggles]");
    if (!button) return;
    if (button.dataset.opens) document.getElementById(button.dataset.opens).showModal();
    else toggleFolds(button.dataset.toggles, last);
    last = null;
  });
  const switchOfKeys = document.getElementById("keys-on");
  if (!switchOfKeys) return;
  switchOfKeys.checked = keysAreOn();
  switchOfKeys.addEventListener("change", () => setKeys(switchOfKeys.checked));
}

// A form that was sent is not sent again by an impatient second press.
function setUpForms() {
  document.querySelectorAll("form[method=post]").forEach((form) => form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  }));
  window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => { delete form.dataset.sent; }));
}

document.documentElement.classList.add("script");
setKeys(keysAreOn());
setUpFolds();
setUpTicks();
setUpMarks();
setUpButtons();
setUpForms();
document.addEventListener("keydown", onKey);
