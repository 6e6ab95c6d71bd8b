// The queue: begin with the next item by button or Enter.

import { csrf, isTyping, notify } from "./suda.js";

const start = document.getElementById("start");

async function begin() {
  start.disabled = true;
  const wanted = Object.fromEntries(new URLSearchParams(start.dataset.wanted));
  try {
    const answer = await fetch(start.dataset.next, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": csrf() },
      body: JSON.stringify({ wanted }),
    });
    if (answer.status === 401) location.reload();
    else if (!answer.ok) notify("领取失败，请稍后重试", "bad");
    else {
      const { url } = await answer.json();
      if (url) location.assign(document.body.dataset.root + url);
      else notify("没有可领取的投诉", "info");
    }
  } catch {
    notify("网络中断，没有领取", "bad");
  }
  start.disabled = false;
}

start?.addEventListener("click", begin);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.repeat || event.isComposing || event.keyCode === 229) return;
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
  if (event.target.closest("a, button, summary, [tabindex]") && event.target !== document.getElementById("content")) return;
  if (start && !start.disabled) {
    event.preventDefault();
    begin();
  }
});
const told = sessionStorage.getItem("suda:review:told");
if (told) {
  sessionStorage.removeItem("suda:review:told");
  notify(told, "good");
}
document.body.dataset.ready = "yes";
