"use strict";
const tip = document.getElementById("tip");

function showTip(event) {
  const marked = event.target.closest("[data-tip]");
  tip.hidden = !marked;
  if (!marked) return;
  tip.textContent = marked.dataset.tip;
  const box = tip.getBoundingClientRect();
  const x = Math.min(event.clientX + 14, document.documentElement.clientWidth - box.width - 6);
  const below = event.clientY + 16;
  const y = below + box.height > innerHeight ? event.clientY - box.height - 10 : below;
  tip.style.left = Math.max(x, 6) + "px";
  tip.style.top = Math.max(y, 6) + "px";
}

document.addEventListener("pointermove", showTip);
document.addEventListener("pointerdown", showTip);
addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

// A chart takes its colors from the page; a copy that leaves it has to carry them along.
const CARRIED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-linejoin", "opacity", "font-size", "font-family", "font-weight"];

function standalone(chart) {
  const copy = chart.cloneNode(true);
  const from = [chart, ...chart.querySelectorAll("*")];
  const to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of CARRIED) to[i].setAttribute(name, style.getPropertyValue(name));
    to[i].removeAttribute("class");
    to[i].removeAttribute("data-tip");
  });
  const [, , width, height] = chart.getAttribute("viewBox").split(" ").map(Number);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  paper.setAttribute("width", "100%");
  paper.setAttribute("height", "100%");
  paper.setAttribute("fill", getComputedStyle(chart.closest("figure")).backgroundColor);
  copy.prepend(paper);
  return { markup: new XMLSerializer().serializeToString(copy), width, height };
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function exportPng({ markup, width, height }, name) {
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = width * 3;
    canvas.height = height * 3;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, name), "image/png");
  };
  image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(markup);
}

for (const button of document.querySelectorAll("[data-export]")) {
  button.addEventListener("click", () => {
    const figure = button.closest("figure");
    const chart = standalone(figure.querySelector("svg"));
    const name = figure.dataset.name + "." + button.dataset.export.toLowerCase();
    if (button.dataset.export === "PNG") exportPng(chart, name);
    else save(new Blob([chart.markup], { type: "image/svg+xml" }), name);
  });
}

const sortedBy = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
};

for (const head of document.querySelectorAll(".sortable th")) {
  head.addEventListener("click", () => {
    const body = head.closest("table").tBodies[0];
    const isDown = head.getAttribute("aria-sort") !== "descending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const compare = (a, b) => {
      const [x, y] = [sortedBy(a, head.cellIndex), sortedBy(b, head.cellIndex)];
      return typeof x === "number" ? x - y : x.localeCompare(y);
    };
    const rows = [...body.rows].sort((a, b) => (isDown ? compare(b, a) : compare(a, b)));
    body.append(...rows);
  });
}
