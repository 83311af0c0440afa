// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
// @ts-check
// Sorting and finding in place, in tables all of whose rows are on the page. The address follows, so that a link shows
// the same; without this module the links and the form do the same by loading the page.

/**
 * @param {HTMLTableElement} table
 * @param {string} key
 * @param {string} value
 */
function setAddress(table, key, value) {
  const address = new URL(location.href);
  const name = `${table.dataset.table}.${key}`;
  if (value) address.searchParams.set(name, value);
  else address.searchParams.delete(name);
  history.replaceState(history.state, "", address);
}

/**
 * @param {HTMLTableRowElement} row
 * @param {number} index
 * @returns {string}
 */
function cellValue(row, index) {
  const cell = row.cells[index];
  return cell.dataset.sort ?? cell.textContent?.trim() ?? "";
}

/**
 * @param {HTMLTableElement} table
 * @param {HTMLAnchorElement} link
 */
function sortBy(table, link) {
  const heading = /** @type {HTMLTableCellElement} */ (link.closest("th"));
  const index = heading.cellIndex;
  const descending = heading.getAttribute("aria-sort") === "ascending";
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const values = new Map(rows.map((row) => [row, cellValue(row, index)]));
  const areNumbers = [...values.values()].every((value) => value === "" || Number.isFinite(Number(value)));
  const order = areNumbers
    ? (/** @type {string} */ a, /** @type {string} */ b) => Number(a) - Number(b)
    : (/** @type {string} */ a, /** @type {string} */ b) => (a < b ? -1 : a > b ? 1 : 0);
  rows.sort((one, other) => {
    const a = values.get(one) ?? "";
    const b = values.get(other) ?? "";
    if (a === "" || b === "") return (a === "" ? 1 : 0) - (b === "" ? 1 : 0); // without a value: last, both ways
    return descending ? order(b, a) : order(a, b);
  });
  body.append(...rows);
  for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  setAddress(table, "sort", (descending ? "-" : "") + link.dataset.key);
}

/**
 * @param {HTMLTableElement} table
 * @param {HTMLFormElement} form
 * @param {string} text
 */
function find(table, form, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...table.tBodies[0].rows];
  let found = 0;
  for (const row of rows) {
    const content = row.textContent?.toLowerCase() ?? "";
    row.hidden = !words.every((word) => content.includes(word));
    if (!row.hidden) found += 1;
  }
  const count = form.querySelector("[data-found]");
  if (count) count.textContent = words.length ? `${found} of ${rows.length}` : "";
  setAddress(table, "find", text.trim());
}

/**
 * @param {Element} element
 * @returns {HTMLTableElement | null}
 */
function wholeTable(element) {
  const form = element.closest("form[data-filter]");
  const table = form
    ? document.getElementById(/** @type {HTMLElement} */ (form).dataset.filter ?? "")
    : element.closest("table[data-table]");
  return table instanceof HTMLTableElement && table.hasAttribute("data-whole") ? table : null;
}

/** Make the tables of the page sort and find in place, also those that come later. */
export function startTables() {
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof Element)) return;
    const link = event.target.closest("a[data-key]");
    const table = link && wholeTable(link);
    if (!table || !(link instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    sortBy(table, link);
  });
  for (const kind of ["input", "submit"]) {
    document.addEventListener(kind, (event) => {
      if (!(event.target instanceof Element)) return;
      const form = event.target.closest("form[data-filter]");
      const table = form && wholeTable(form);
      const input = form?.querySelector("input[type=search]");
      if (!table || !(form instanceof HTMLFormElement) || !(input instanceof HTMLInputElement)) return;
      if (kind === "submit") event.preventDefault();
      find(table, form, input.value);
    });
  }
}
