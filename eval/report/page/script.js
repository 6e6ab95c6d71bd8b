(function () {
  "use strict";
  var root = document.documentElement;
  function keep(lang) { try { localStorage.setItem("report-lang", lang); } catch (e) { /* private mode */ } }
  function kept() { try { return localStorage.getItem("report-lang"); } catch (e) { return null; } }
  function speak(lang) {
    root.lang = lang;
    document.querySelectorAll(".switch button").forEach(function (b) {
      b.setAttribute("aria-pressed", String(b.dataset.lang === lang));
    });
  }
  if (kept()) { speak(kept()); }
  document.querySelectorAll(".switch button").forEach(function (b) {
    b.addEventListener("click", function () { speak(b.dataset.lang); keep(b.dataset.lang); });
  });
  document.querySelectorAll("[data-open]").forEach(function (b) {
    b.addEventListener("click", function () {
      var target = document.getElementById(b.dataset.open);
      if (target) { target.open = true; target.scrollIntoView({ block: "center" }); }
    });
  });
  function value(row, column) {
    var cell = row.cells[column];
    var raw = cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v;
    var number = Number(raw);
    return raw === "" ? -Infinity : isNaN(number) ? raw : number;
  }
  function order(a, b) {
    if (typeof a === typeof b) { return a < b ? -1 : a > b ? 1 : 0; }
    return typeof a === "number" ? -1 : 1;
  }
  function sort(table, head) {
    var descending = head.getAttribute("aria-sort") !== "descending";
    table.querySelectorAll("th").forEach(function (th) { th.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    var body = table.tBodies[0], column = head.cellIndex;
    Array.from(body.rows)
      .sort(function (a, b) { return order(value(a, column), value(b, column)) * (descending ? -1 : 1); })
      .forEach(function (row) { body.appendChild(row); });
  }
  document.querySelectorAll("table.sortable th").forEach(function (head) {
    head.tabIndex = 0;
    head.addEventListener("click", function () { sort(head.closest("table"), head); });
    head.addEventListener("keydown", function (e) {
      if (e.key === "Enter") { sort(head.closest("table"), head); }
    });
  });
})();
