// Copies what is shown once.
import { notify } from "./suda.js";

/** To the clipboard; over plain HTTP browsers allow that by selection only. */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    getSelection().selectAllChildren(element);
    if (!document.execCommand("copy")) return false;
  }
  return true;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const done = await copy(document.getElementById(button.dataset.copy));
  notify(done ? "已复制" : "未能复制，请手动选择", done ? "good" : "warn");
});
