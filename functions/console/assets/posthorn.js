// Makes pages livelier; every page works without it. No inline code anywhere: the CSP forbids it.
"use strict";

const DAY = 86400, HOUR = 3600, MINUTE = 60;
const local = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

// The same words as wording.ago: the largest unit that fits.
function ago(seconds) {
  const size = Math.abs(seconds);
  if (size < 1) return "just now";
  const [unit, name] = [[DAY, "d"], [HOUR, "h"], [MINUTE, "min"], [1, "s"]].find(([each]) => size >= each);
  const amount = `${Math.floor(size / unit)} ${name}`;
  return seconds > 0 ? `${amount} ago` : `in ${amount}`;
}

function left(seconds) {
  if (seconds <= 0) return "due now";
  const whole = Math.ceil(seconds), hours = Math.floor(whole / HOUR), minutes = Math.floor(whole / MINUTE) % 60, rest = whole % 60;
  const parts = [[hours, "h"], [minutes, "min"], [rest, "s"]].filter(([amount]) => amount);
  return "in " + parts.slice(0, 2).map(([amount, unit]) => `${amount} ${unit}`).join(" ");
}

function tell(root) {
  const now = Date.now();
  for (const element of root.querySelectorAll("time[data-relative-time]")) {
    element.textContent = ago((now - Date.parse(element.dateTime)) / 1000);
  }
  for (const element of root.querySelectorAll("time[data-countdown]")) {
    element.textContent = left((Date.parse(element.dateTime) - now) / 1000);
  }
}

function prepare(root) {
  for (const element of root.querySelectorAll("time[data-local-time]")) {
    element.textContent = (element.dataset.localTime ? short : local).format(new Date(element.dateTime));
  }
  for (const element of root.querySelectorAll("time[data-relative-time], time[data-countdown]")) {
    element.title = local.format(new Date(element.dateTime));
  }
  for (const element of root.querySelectorAll("[data-copy], [data-with-script]")) element.hidden = false;
  for (const details of root.querySelectorAll("details[id]")) details.asMade = details.open;
  tell(root);
}

// `data-copy` copies the text beside the button, or of the element that it names.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = button.dataset.copy ? document.querySelector(button.dataset.copy) : button.parentElement.querySelector("pre, code, input");
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Press Ctrl-C";
    getSelection().selectAllChildren(source);
  }
  setTimeout(() => { button.textContent = words; }, 2000);
});

// `data-live="/console/…"` is fetched again every `data-live-seconds`, while it can be seen and nobody is in
// the middle of using it. By their ids its elements stay as they were left: focused, opened, chosen.
function isInUse(element) {
  const selection = getSelection();
  return document.hidden || element.getBoundingClientRect().top < -80 || element.querySelector("form :focus")
    || (!selection.isCollapsed && element.contains(selection.anchorNode));
}

function exchange(element, text) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  const states = [...element.querySelectorAll("details[id]")].filter((each) => each.open !== each.asMade).map(({ id, open }) => [id, "open", open]);
  for (const { id, defaultChecked } of element.querySelectorAll("input:checked[id]")) if (!defaultChecked) states.push([id, "checked", true]);
  const known = new Set([...element.querySelectorAll("tr[id]")].map(({ id }) => id));
  element.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  prepare(element);
  for (const [id, property, value] of states) {
    const same = document.getElementById(id);
    if (same) same[property] = value;
  }
  for (const row of element.querySelectorAll("tr[id]")) row.classList.toggle("fresh", !known.has(row.id));
  if (focused) document.getElementById(focused)?.focus();
}

async function refresh(element) {
  if (isInUse(element)) return;
  const answer = await fetch(element.dataset.live, { redirect: "manual", headers: { accept: "text/html" } });
  if (answer.type === "opaqueredirect") return location.reload(); // the session has ended
  if (!answer.ok) return;
  const text = await answer.text();
  if (text === element.liveText || isInUse(element)) return;
  element.liveText = text;
  exchange(element, text);
}

for (const element of document.querySelectorAll("[data-live]")) {
  const seconds = Number(element.dataset.liveSeconds || 3);
  const again = () => refresh(element).catch(() => {}).finally(() => setTimeout(again, seconds * 1000));
  setTimeout(again, seconds * 1000);
}

prepare(document);
setInterval(() => tell(document), 1000);
document.querySelector("[data-focus]")?.focus();
