// Administration: copies what is shown once, sends files with their progress.
import { csrf, notify } from "./suda.js";

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

/** What the form says about the file: columns by field, values where there are none. */
function optionsOf(form) {
  const options = { saving: form.elements.saving.value, columns: {}, defaults: {} };
  for (const field of form.querySelectorAll("[data-column]")) {
    if (field.value.trim()) options.columns[field.dataset.column] = field.value.trim();
  }
  for (const field of form.querySelectorAll("[data-default]")) {
    if (field.value.trim()) options.defaults[field.dataset.default] = field.value.trim();
  }
  return options;
}

function upload(form) {
  const body = new FormData();
  body.append("options", JSON.stringify(optionsOf(form)));
  body.append("file", form.querySelector("input[type=file]").files[0]);
  const request = new XMLHttpRequest();
  const said = form.querySelector("[data-upload-error]");
  const shown = form.querySelector("[data-upload-progress]");
  const buttons = form.querySelectorAll("button");
  const busy = (on) => {
    shown.hidden = !on;
    for (const button of buttons) button.disabled = on;
  };
  const fail = (text) => {
    busy(false);
    said.textContent = text;
    said.hidden = false;
  };
  said.hidden = true;
  busy(true);
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) shown.querySelector("progress").value = (100 * event.loaded) / event.total;
  });
  request.addEventListener("load", () => {
    let answer = {};
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      // A proxy's page; the status says enough.
    }
    if (request.status === 201) location.assign(form.dataset.upload + answer.href.slice(answer.href.lastIndexOf("/")));
    else if (request.status === 401) location.reload();
    else fail(answer.detail || `导入失败（${request.status}）`);
  });
  request.addEventListener("error", () => fail("网络中断，文件没有导入"));
  request.open("POST", form.dataset.upload);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRF-Token", csrf());
  request.setRequestHeader("Idempotency-Key", form.dataset.key);
  request.send(body);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const done = await copy(document.getElementById(button.dataset.copy));
  notify(done ? "已复制" : "未能复制，请手动选择", done ? "good" : "warn");
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-upload]")) return;
  event.preventDefault();
  upload(event.target);
});
