// Sorts a table by the column whose heading is clicked: numbers by `data-value`, else by their text.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button")?.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") !== "descending";
      for (const each of headings) {
        each.removeAttribute("aria-sort");
      }
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => compare(a.cells[column], b.cells[column]) * (down ? -1 : 1));
      body.append(...rows);
    });
  });
}

function compare(a, b) {
  if (a.dataset.value === undefined && b.dataset.value === undefined) {
    return a.textContent.localeCompare(b.textContent, undefined, { numeric: true });
  }
  const [left, right] = [a, b].map(({ dataset }) => (dataset.value ? Number(dataset.value) : Number.NEGATIVE_INFINITY));
  return left === right ? 0 : left - right;
}
