// One item under review: keys, choices, what they would change, and the sign of life.

import { csrf, isTyping, notify } from "./suda.js";

const $ = (id) => document.getElementById(id);
const page = $("review");
const { item, base, query } = page.dataset;
const blind = page.dataset.blind === "yes";
const heads = [...document.querySelectorAll(".head")];
const KEPT = `suda:review:${item}`;
const TOLD = "suda:review:told";
const state = { mine: page.dataset.mine === "yes", version: Number(page.dataset.version), busy: false, active: 0, until: 0 };
let labels = null;
let asked = 0;

// ---- Talking to the server

async function send(path, body, { background = false } = {}) {
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": csrf() };
  if (background) headers["X-Suda-Background"] = "1";
  const answer = await fetch(`${base}${path}`, { method: "POST", headers, body: JSON.stringify(body || {}) });
  if (answer.status === 401) {
    keep();
    location.assign(`${document.body.dataset.root}/ui/signin?next=${encodeURIComponent(location.pathname + location.search)}`);
    return new Promise(() => {});
  }
  const told = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(told.detail || "操作失败"), { status: answer.status, problem: told });
  return told;
}

/** One thing at a time: what is pressed while the server is asked does nothing. */
async function once(work) {
  if (state.busy) return;
  state.busy = true;
  page.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    state.busy = false;
    refused(error);
  }
  page.removeAttribute("aria-busy");
}

function refused(error) {
  if (error.status === 409) return lost(error.problem.detail);
  const field = error.problem?.errors?.[0]?.field || "";
  if (field === "why_below") return askWhy();
  if (field.startsWith("labels.")) activate(heads.findIndex((head) => head.dataset.head === field.slice(7)));
  notify(error.status ? `没有提交：${said(error)}` : "网络中断，没有提交，选择已保留", "bad");
}

function said(error) {
  return /[\u4e00-\u9fff]/.test(error.message) ? error.message.replace(/^[\w.]+: /, "") : "请检查所选标签";
}

/** The item is not ours any longer; what was chosen stays. */
function lost(why) {
  state.mine = false;
  keep();
  $("banner-text").textContent = `${(why || "占用已失效").replace(/^[\w.]+: /, "")}。您的选择已保留。`;
  $("banner").hidden = false;
  for (const id of ["submit", "skip", "release"]) $(id).disabled = true;
  $("reclaim").focus();
}

function leave(url, told) {
  sessionStorage.removeItem(KEPT);
  if (told) sessionStorage.setItem(TOLD, told);
  location.assign(url ? document.body.dataset.root + url : `${base}${query ? `?${query}` : ""}`);
}

const wanted = () => Object.fromEntries(new URLSearchParams(query));

// ---- Choosing

function chosen() {
  return Object.fromEntries(heads.filter((head) => head.dataset.chosen).map((head) => [head.dataset.head, head.dataset.chosen]));
}

function leaves(head) {
  return labels?.heads[head.dataset.head]?.leaves || [];
}

function leafOf(head, code) {
  return leaves(head).find((leaf) => leaf.code === code);
}

function activate(index, focus = true) {
  if (index < 0 || index >= heads.length) return;
  state.active = index;
  heads.forEach((head, at) => {
    head.classList.toggle("head--active", at === index);
    head.querySelector("[data-tree]").hidden = at !== index || !showsTree(head);
  });
  if (focus) heads[index].focus({ preventScroll: false });
  drawTree(heads[index]);
  explain(heads[index], heads[index].dataset.chosen);
  mark();
}

function showsTree(head) {
  return leaves(head).length > head.querySelectorAll(".candidate").length;
}

function choose(head, code, { quiet = false } = {}) {
  head.dataset.chosen = code;
  show(head);
  keep();
  if (!quiet) preview();
}

function show(head) {
  const code = head.dataset.chosen;
  const leaf = leafOf(head, code);
  const output = head.querySelector("[data-output]");
  output.textContent = code ? `${leaf ? leaf.name : code} ${code}` : "未选";
  output.classList.toggle("head__chosen--none", !code);
  for (const button of head.querySelectorAll(".candidate")) button.setAttribute("aria-pressed", String(button.dataset.code === code));
  if (head === heads[state.active]) {
    drawTree(head);
    explain(head, code);
  }
}

function drawTree(head) {
  const tree = head.querySelector("[data-tree]");
  if (tree.hidden) return;
  if (!tree.childElementCount) {
    let group = "";
    for (const leaf of leaves(head)) {
      const above = leaf.path.join(" / ");
      if (above !== group && above) tree.append(Object.assign(document.createElement("p"), { className: "tree__group", textContent: above }));
      group = above;
      const row = Object.assign(document.createElement("button"), { type: "button", className: "tree__leaf", tabIndex: -1, textContent: leaf.name });
      row.dataset.code = leaf.code;
      tree.append(row);
    }
  }
  for (const row of tree.querySelectorAll(".tree__leaf")) {
    const here = row.dataset.code === head.dataset.chosen;
    row.setAttribute("aria-pressed", String(here));
    if (here) tree.scrollTop = row.offsetTop - tree.offsetTop - tree.clientHeight / 2;
  }
}

/** The leaf before or after; with `group` the first of the next group. */
function move(step, group) {
  const head = heads[state.active];
  const all = leaves(head);
  if (!all.length) return;
  const at = all.findIndex((leaf) => leaf.code === head.dataset.chosen);
  let to = at + step;
  if (at < 0) to = Math.max(0, all.findIndex((leaf) => below(leaf, head)));
  else if (group) {
    const root = all[at].path[0];
    while (all[to] && root !== undefined && all[to].path[0] === root) to += step;
  }
  if (all[to]) choose(head, all[to].code);
}

/** Whether a leaf lies below the inner node that the model stopped at: codes of a tree begin alike. */
function below(leaf, head) {
  const start = head.dataset.start;
  return Boolean(start) && leaf.code.startsWith(start);
}

function explain(head, code) {
  const about = $("about");
  const leaf = leafOf(head, code);
  about.replaceChildren();
  if (!leaf) {
    about.append(Object.assign(document.createElement("p"), { className: "muted", textContent: "选中标签后，这里显示其定义与边界" }));
    return;
  }
  const line = (name, text) => {
    const p = document.createElement("p");
    if (name) p.append(Object.assign(document.createElement("strong"), { textContent: name }), " ");
    p.append(text);
    about.append(p);
  };
  about.append(Object.assign(document.createElement("h3"), { textContent: `${leaf.name} ${leaf.code}` }));
  if (leaf.definition) line("", leaf.definition);
  if (leaf.includes.length) line("包括", leaf.includes.join("；"));
  if (leaf.excludes.length) line("不含", leaf.excludes.join("；"));
  if (leaf.examples.length) line("例", leaf.examples.slice(0, 2).join("；"));
}

/** Underline what speaks for the head that is active. */
function mark() {
  const on = $("evidence")?.checked;
  const name = heads[state.active]?.dataset.head;
  for (const piece of document.querySelectorAll("#words [data-evidence]")) {
    const found = piece.dataset.evidence.trim().split(" ").map((part) => part.split(":")).find(([head]) => head === name);
    piece.dataset.level = on && found ? found[1] : "";
  }
  $("words").classList.toggle("words--plain", on === false);
}

// ---- What would follow

async function preview() {
  if (blind || !state.mine) return;
  const number = ++asked;
  let told;
  try {
    told = await send(`/items/${item}/preview`, { labels: chosen() });
  } catch {
    return;
  }
  if (number !== asked) return;
  $("lead").textContent = told.lead;
  $("assisting").textContent = told.assisting.join("、") || "无";
  $("investigator").textContent = told.investigator || "无";
  $("copies").textContent = told.copies.join("、") || "无";
  $("deadlines").replaceChildren(...told.deadlines.map(dueRow));
  $("changes").hidden = !told.changes.length;
  $("changes").replaceChildren(...told.changes.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  $("why").hidden = !told.below;
}

function dueRow(due) {
  const row = document.createElement("tr");
  row.title = due.basis;
  const name = Object.assign(document.createElement("span"), { className: "hint", tabIndex: 0, textContent: due.name });
  name.dataset.basis = due.basis;
  const at = new Date(due.due_at);
  const two = (value) => String(value).padStart(2, "0");
  const parts = Object.fromEntries(new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", hour12: false }).formatToParts(at).map((part) => [part.type, part.value]));
  for (const cell of [name, due.limit, `${two(parts.month)}-${two(parts.day)} ${two(parts.hour)}:${two(parts.minute)}`, due.statutory ? "法定" : "内部"]) {
    const td = document.createElement("td");
    td.append(cell);
    row.append(td);
  }
  return row;
}

// ---- Acts

function submit() {
  if (!state.mine) return notify("这一条不在您手上，不能提交", "warn");
  const open = heads.findIndex((head) => !head.dataset.chosen);
  if (open >= 0) {
    activate(open);
    return notify(`请先选${heads[open].querySelector("h2").textContent}`, "warn");
  }
  if (!$("why").hidden && !$("f-why_below").value.trim()) return askWhy();
  return once(async () => {
    const body = { labels: chosen(), version: state.version, comment: $("f-comment").value, why_below: $("why").hidden ? "" : $("f-why_below").value, wanted: wanted() };
    const told = await send(`/items/${item}/submit`, body);
    const what = told.decided ? "已提交，已按新标签重新派单" : told.changed.length ? "已提交改正" : "已提交确认";
    leave(told.url, `${what}。按 U 可撤销${told.url ? "" : "。队列中没有可领取的了"}`);
  });
}

function askWhy() {
  $("why").hidden = false;
  $("f-why_below").focus();
  notify("低于规则级别，请先说明理由", "warn");
}

function skip(event) {
  event.preventDefault();
  $("skip-dialog").close();
  const data = new FormData($("skip-form"));
  return once(async () => {
    const told = await send(`/items/${item}/skip`, { version: state.version, reason: data.get("reason"), note: data.get("note"), wanted: wanted() });
    leave(told.url, "已跳过，由他人复核");
  });
}

const undo = () => once(async () => {
  try {
    const { url } = await send("/undo");
    leave(url + (query ? `?${query}` : ""), "已撤销，请重新判定");
  } catch (error) {
    if (error.problem?.code !== "cannot_undo") throw error;
    state.busy = false;
    notify(error.message, "warn");
  }
});

const release = () => once(async () => {
  await send(`/items/${item}/release`);
  leave(null, "已放回队列");
});

const claim = () => once(async () => {
  const told = await send(`/items/${item}/claim`);
  state.version = told.version;
  if (!$("banner").hidden) {
    // What was chosen is still there: only the lease is new.
    state.mine = true;
    state.busy = false;
    $("banner").hidden = true;
    for (const id of ["submit", "skip", "release"]) $(id).disabled = false;
    beat();
    heads[state.active].focus();
    notify("已重新领取，请再次提交", "good");
  } else location.reload();
});

const next = () => once(async () => {
  const { url } = await send("/next", { wanted: wanted() });
  leave(url, url ? "" : "没有可领取的投诉");
});

async function reveal() {
  const answer = await fetch(`${base}/items/${item}/reveal`, { method: "POST", headers: { "X-CSRF-Token": csrf() } });
  if (!answer.ok) return notify("没有权限或系统繁忙", "bad");
  const words = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  $("words").replaceChildren(...words.childNodes);
  $("reveal").hidden = true;
  mark();
}

// ---- Keeping what was chosen, and the lease

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify({ labels: chosen(), comment: $("f-comment").value, why: $("f-why_below").value }));
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
  if (!kept) return;
  let other = Boolean(kept.comment || kept.why);
  for (const head of heads) {
    const code = kept.labels[head.dataset.head];
    if (code && leafOf(head, code) && code !== head.dataset.chosen) {
      head.dataset.chosen = code;
      other = true;
    }
  }
  $("f-comment").value = kept.comment;
  $("f-why_below").value = kept.why;
  if (other) notify("已恢复您上次的选择", "info");
}

async function beat() {
  if (!state.mine) return;
  try {
    const { until } = await send(`/items/${item}/heartbeat`, {}, { background: true });
    state.until = Date.parse(until);
  } catch (error) {
    if (error.status === 409) lost(error.problem.detail);
  }
}

function countDown() {
  if (!state.mine || !state.until) return;
  const left = Math.max(0, Math.round((state.until - Date.now()) / 1000));
  $("lease").textContent = left < 120 ? `占用还有 ${left} 秒` : "";
}

// ---- Finding labels

function find() {
  const head = heads[state.active];
  const text = $("find").value.trim().toLowerCase();
  const hits = leaves(head)
    .map((leaf) => ({ leaf, score: score(leaf, text) }))
    .filter(({ score: points }) => points > 0)
    .sort((one, other) => other.score - one.score)
    .slice(0, 8);
  $("found").replaceChildren(...hits.map(({ leaf }, at) => {
    const row = document.createElement("li");
    row.id = `found-${at}`;
    row.role = "option";
    row.dataset.code = leaf.code;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(at === 0));
    if (leaf.path.length) row.append(Object.assign(document.createElement("small"), { textContent: `${leaf.path.join(" / ")} ` }));
    row.append(leaf.name, " ", Object.assign(document.createElement("span"), { className: "mono muted", textContent: leaf.code }));
    return row;
  }));
  $("find").setAttribute("aria-activedescendant", hits.length ? "found-0" : "");
}

function score(leaf, text) {
  if (!text) return 1;
  if (leaf.code.toLowerCase() === text) return 9;
  if (leaf.code.toLowerCase().startsWith(text)) return 6;
  if (leaf.name.includes(text)) return 5;
  if (leaf.path.join("").includes(text)) return 3;
  if (leaf.initials.includes(text)) return 2;
  return leaf.definition.includes(text) ? 1 : 0;
}

function openFinder() {
  $("finder").hidden = false;
  heads[state.active].querySelector(".head__body").append($("finder"));
  $("find").value = "";
  find();
  $("find").focus();
}

function closeFinder() {
  $("finder").hidden = true;
  heads[state.active].focus();
}

function pick(row) {
  if (!row) return;
  const head = heads[state.active];
  choose(head, row.dataset.code);
  closeFinder();
}

function onFinderKey(event) {
  if (event.isComposing || event.keyCode === 229) return;
  const rows = [...$("found").children];
  const at = rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const to = Math.min(rows.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)));
    rows.forEach((row, here) => row.setAttribute("aria-selected", String(here === to)));
    if (rows[to]) $("find").setAttribute("aria-activedescendant", rows[to].id);
  } else if (event.key === "Enter") {
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) pick(rows[at]);
  } else if (event.key === "Escape") {
    event.preventDefault();
    closeFinder();
  }
}

// ---- Keys

const ONCE = {
  s: () => state.mine && $("skip-dialog").showModal(),
  u: undo,
  e: () => {
    if (!$("evidence")) return;
    $("evidence").checked = !$("evidence").checked;
    mark();
  },
  "?": () => $("keys").showModal(),
  "/": openFinder,
};

function onKey(event) {
  // A key that an input method takes is no key of ours.
  if (event.isComposing || event.keyCode === 229 || event.key === "Process") return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (state.busy || isTyping(event)) return;
  const { key } = event;
  if (key === "Enter") return onEnter(event);
  if (key === "ArrowDown" || key === "ArrowUp") {
    event.preventDefault();
    return move(key === "ArrowDown" ? 1 : -1, event.shiftKey);
  }
  if (key === "ArrowLeft" || key === "ArrowRight") {
    event.preventDefault();
    return activate(state.active + (key === "ArrowRight" ? 1 : -1));
  }
  if (event.repeat) return;
  if (/^[1-9]$/.test(key)) {
    const button = heads[state.active]?.querySelectorAll(".candidate")[Number(key) - 1];
    if (button) {
      event.preventDefault();
      choose(heads[state.active], button.dataset.code);
    }
    return;
  }
  const act = ONCE[key.toLowerCase()];
  if (act) {
    event.preventDefault();
    act();
  }
}

function onEnter(event) {
  if (event.target.closest("a, button, summary")) return;
  event.preventDefault();
  // A key held down must not run through the queue.
  if (!event.repeat) submit();
}

function onSkipKey(event) {
  if (event.target.tagName === "TEXTAREA" || event.isComposing || event.keyCode === 229) return;
  const option = $("skip-form").elements.reason[Number(event.key) - 1];
  if (/^[1-9]$/.test(event.key) && option) {
    option.checked = true;
    option.focus();
  }
}

function wire() {
  document.addEventListener("keydown", onKey);
  $("find").addEventListener("keydown", onFinderKey);
  $("find").addEventListener("input", find);
  $("found").addEventListener("mousedown", (event) => {
    event.preventDefault();
    pick(event.target.closest("li"));
  });
  $("skip-form").addEventListener("submit", skip);
  $("skip-dialog").addEventListener("keydown", onSkipKey);
  $("form").addEventListener("submit", (event) => event.preventDefault());
  $("submit").addEventListener("click", submit);
  $("skip").addEventListener("click", ONCE.s);
  $("undo").addEventListener("click", undo);
  $("release").addEventListener("click", release);
  $("reclaim").addEventListener("click", claim);
  $("claim")?.addEventListener("click", claim);
  $("go-next").addEventListener("click", next);
  $("reveal")?.addEventListener("click", reveal);
  $("evidence")?.addEventListener("change", mark);
  $("f-comment").addEventListener("input", keep);
  $("f-why_below").addEventListener("input", keep);
  heads.forEach((head, at) => {
    head.addEventListener("focus", () => at === state.active || activate(at, false));
    head.addEventListener("mousedown", () => at === state.active || activate(at, false));
    head.addEventListener("click", (event) => {
      const button = event.target.closest("[data-code]");
      if (!button || button.closest("#found")) return;
      choose(head, button.dataset.code);
      head.focus();
    });
    head.addEventListener("mouseover", (event) => {
      const button = event.target.closest("[data-code]");
      if (button) explain(head, button.dataset.code);
    });
    head.addEventListener("mouseleave", () => explain(heads[state.active], heads[state.active].dataset.chosen));
  });
  for (const kind of ["mouseover", "focusin"]) {
    $("outcome")?.addEventListener(kind, (event) => {
      const hint = event.target.closest("tr")?.querySelector("[data-basis]");
      if (hint) $("basis").textContent = hint.dataset.basis;
    });
  }
}

async function begin() {
  const answer = await fetch(page.dataset.labels, { headers: { Accept: "application/json" } });
  labels = answer.ok ? await answer.json() : null;
  if (state.mine) restore();
  for (const head of heads) show(head);
  wire();
  const first = heads.findIndex((head) => !head.dataset.chosen);
  const doubtful = heads.findIndex((head) => head.classList.contains("head--doubtful"));
  activate(Math.max(0, first >= 0 ? first : doubtful));
  await beat();
  setInterval(beat, Math.max(10, Number(page.dataset.lease) / 5) * 1000);
  setInterval(countDown, 1000);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && beat());
  const told = sessionStorage.getItem(TOLD);
  if (told) {
    sessionStorage.removeItem(TOLD);
    notify(told, "good");
  }
  document.body.dataset.ready = "yes";
}

begin();
