// What every page does: themes, messages, dialogs, confirmations. No inline code anywhere.

const ONE_YEAR = 31536000;
const THEMES = ["auto", "light", "dark"];
const THEME_NAMES = { auto: "跟随系统", light: "浅色", dark: "深色" };

/** Show a message that goes by itself; tone: good, info, warn, bad. */
export function notify(text, tone = "info") {
  const toast = document.createElement("div");
  toast.className = `toast toast--${tone}`;
  toast.append(icon(tone), Object.assign(document.createElement("span"), { textContent: text }));
  document.getElementById("toasts").append(toast);
  fade(toast, tone);
}

/** An icon of the sprite. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Ask before something that cannot be taken back; resolves to whether it was confirmed. */
export function confirmed(text, grave = false) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("#confirm-text").textContent = text;
  dialog.returnValue = "";
  dialog.showModal();
  const yes = dialog.querySelector("[data-confirmed]");
  yes.classList.toggle("button--primary", !grave);
  yes.classList.toggle("button--danger", grave);
  yes.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Whether a key belongs to what is being typed, so that it is no shortcut. */
export function isTyping(event) {
  const at = event.target;
  return at.isContentEditable || ["INPUT", "SELECT", "TEXTAREA"].includes(at.tagName) || at.closest("dialog[open]") !== null;
}

/** The token that every change must repeat. */
export function csrf() {
  return JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRF-Token"] || "";
}

function fade(toast, tone) {
  // What went wrong stays until it was read.
  setTimeout(() => toast.remove(), tone === "bad" ? 12000 : 5000);
}

function switchTheme() {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  root.dataset.theme = next;
  document.cookie = `suda_theme=${next}; path=/; max-age=${ONE_YEAR}; samesite=lax`;
  showTheme();
  document.dispatchEvent(new CustomEvent("suda:theme"));
}

function showTheme() {
  const theme = document.documentElement.dataset.theme;
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.replaceChildren(icon(theme));
    button.setAttribute("aria-label", `切换明暗，当前：${THEME_NAMES[theme]}`);
    button.title = button.getAttribute("aria-label");
  }
}

async function onSubmit(event) {
  const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
  if (!question || event.target.matches("[hx-post], [hx-get], [hx-delete], [hx-put], [hx-patch]")) return;
  event.preventDefault();
  if (await confirmed(question, event.submitter?.matches(".button--danger"))) {
    const { submitter } = event;
    if (submitter?.name) {
      const sent = Object.assign(document.createElement("input"), { type: "hidden", name: submitter.name, value: submitter.value });
      event.target.append(sent);
    }
    // Unlike requestSubmit(), this does not ask again.
    event.target.submit();
  }
}

function onClick(event) {
  const at = event.target.closest("[data-open], [data-close], [data-confirmed], [data-theme-switch], [data-print]");
  if (!at) return;
  if (at.matches("[data-theme-switch]")) switchTheme();
  else if (at.matches("[data-print]")) window.print();
  else if (at.matches("[data-open]")) document.getElementById(at.dataset.open).showModal();
  else at.closest("dialog").close(at.matches("[data-confirmed]") ? "yes" : "");
}

document.addEventListener("click", onClick);
document.addEventListener("submit", onSubmit);
document.addEventListener("suda:notice", (event) => notify(event.detail.text, event.detail.tone));
document.addEventListener("htmx:confirm", (event) => {
  if (!event.detail.question) return;
  event.preventDefault();
  confirmed(event.detail.question).then((yes) => yes && event.detail.issueRequest(true));
});
document.addEventListener("htmx:sendError", () => notify("网络中断，本次操作没有生效", "bad"));
document.addEventListener("htmx:timeout", () => notify("服务器没有响应，请稍后重试", "bad"));
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  // Pages say themselves what went wrong; what stands in front of them (a proxy) does not.
  if (!xhr.getResponseHeader("HX-Trigger") && !xhr.getResponseHeader("HX-Redirect")) notify(`操作失败（${xhr.status}）`, "bad");
});
showTheme();
for (const toast of document.querySelectorAll("#toasts > .toast")) fade(toast, "");
