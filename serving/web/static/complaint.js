// The page of a complaint: which evidence is marked in the words.

function mark() {
  const chosen = document.getElementById("evidence-of")?.value ?? "";
  const words = document.getElementById("words");
  if (!words) return;
  words.classList.toggle("words--plain", chosen === "");
  for (const piece of words.querySelectorAll("[data-evidence]")) {
    const found = piece.dataset.evidence.trim().split(" ").map((part) => part.split(":"));
    const levels = found.filter(([head]) => chosen === "*" || head === chosen).map(([, level]) => Number(level));
    piece.dataset.level = levels.length ? Math.max(...levels) : "";
  }
}

document.addEventListener("change", (event) => event.target.id === "evidence-of" && mark());
document.addEventListener("htmx:afterSettle", mark);
mark();
