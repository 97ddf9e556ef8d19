// The form of an endpoint: a preview while typing, rows in place. Every button works without it.
const form = document.querySelector(".endpoint-form, .trial-form");
const panel = document.getElementById("trial");
let asked = 0, timer;

// Sends the whole form as the button would, and shows the part of the page that comes of it.
async function attempt(action) {
  clearTimeout(timer);
  const mine = ++asked;
  panel.setAttribute("aria-busy", "true");
  const body = new URLSearchParams(new FormData(form));
  body.set("do", action);
  body.set("fragment", "yes");
  try {
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload(); // the session has ended
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== asked) return; // something newer is under way
    const whole = parsed.querySelector("main"); // a refusal is a page
    panel.replaceChildren(...(whole ?? parsed.body).childNodes);
    if (typeof prepare === "function") prepare(panel);
  } finally {
    if (mine === asked) panel.removeAttribute("aria-busy");
  }
}

for (const button of form?.querySelectorAll("[data-try]") ?? []) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    attempt(button.value).catch(() => form.requestSubmit(button));
  });
}

if (panel?.hasAttribute("data-preview")) {
  const later = (event) => {
    if (event.target.type === "search") return;
    clearTimeout(timer);
    timer = setTimeout(() => attempt("preview").catch(() => {}), 600);
  };
  form.addEventListener("input", later);
}

// A row is added in place: the last one, emptied, under the next number.
form?.addEventListener("click", (event) => {
  const adding = event.target.closest("[data-add]"), removing = event.target.closest(".remove");
  if (adding) {
    event.preventDefault();
    const rows = adding.parentElement.querySelectorAll("[data-row]"), last = rows[rows.length - 1];
    const number = Math.max(...[...rows].map((row) => Number(row.querySelector("[name]").name.split("/")[1]))) + 1;
    const row = last.cloneNode(true);
    for (const gone of row.querySelectorAll(".error, input[type=hidden]")) gone.remove();
    for (const element of row.querySelectorAll("[name], [id], [for]")) {
      for (const attribute of ["name", "id", "for", "value"]) {
        if (attribute === "value" && element.tagName !== "BUTTON") continue;
        const text = element.getAttribute(attribute);
        if (text) element.setAttribute(attribute, text.replace(/\/\d+/, `/${number}`));
      }
      element.removeAttribute("aria-invalid");
      element.removeAttribute("aria-describedby");
      if (element.tagName === "SELECT") element.selectedIndex = 0;
      else if (element.type === "checkbox") element.checked = false;
      else if (element.tagName !== "BUTTON") { element.value = ""; element.removeAttribute("value"); element.placeholder = ""; }
    }
    last.after(row);
    row.querySelector("input").focus();
  } else if (removing) {
    event.preventDefault();
    const row = removing.closest("[data-row]"), list = row.parentElement;
    if (list.querySelectorAll("[data-row]").length > 1) row.remove();
    else for (const element of row.querySelectorAll("input, select")) {
      if (element.type === "checkbox") element.checked = false;
      else element.value = "";
    }
    list.querySelector("[data-add]").focus();
    form.dispatchEvent(new Event("input"));
  }
});

for (const element of document.querySelectorAll("[data-only-with-script]")) element.hidden = false;
document.querySelector("[data-find-types]")?.addEventListener("input", (event) => {
  const text = event.target.value.trim().toLowerCase();
  for (const category of document.querySelectorAll(".types .category")) {
    const ofIt = category.querySelector("h3").textContent.toLowerCase().includes(text);
    for (const label of category.querySelectorAll("label")) {
      label.hidden = !ofIt && !label.textContent.toLowerCase().includes(text);
    }
    category.hidden = ![...category.querySelectorAll("label")].some((label) => !label.hidden);
  }
});
// What is found with Enter is no reason to save.
document.querySelector("[data-find-types]")?.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });

// A page that shows a secret is the answer to a form: opened again, it is the endpoint's.
const address = document.querySelector("[data-address]")?.dataset.address;
if (address) {
  history.replaceState(null, "", address);
  addEventListener("hashchange", () => location.reload()); // a link to a part of that page is no move within this one
}
