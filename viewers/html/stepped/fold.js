// Folding works by itself; this opens and closes all at once.

const foldable = () => document.querySelectorAll("main details");

function foldAll(isOpen) {
  for (const details of foldable()) details.open = isOpen;
}

document.querySelector(".tools").hidden = false;
document.getElementById("open-all").addEventListener("click", () => foldAll(true));
document.getElementById("close-all").addEventListener("click", () => foldAll(false));
document.getElementById("print").addEventListener("click", () => window.print());
