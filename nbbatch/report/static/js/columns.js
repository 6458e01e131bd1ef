// The columns that the table shows: which, in what order, how wide, and what a cell holds.

/**
 * @typedef {object} Shown
 * @property {string} key names the column in the page's address
 * @property {string} label
 * @property {string} group shown above the label: "parameter", "metric" or nothing
 * @property {boolean} numeric right-aligned
 * @property {number | null} width in characters; null: what is left
 * @property {Cell[]} cells what it sorts by
 * @property {(position: number, td: HTMLElement) => void} fill
 */

const BIT = { page: 1, notebook: 2, log: 4 };
const NARROWEST = 5;
const WIDEST = 34;
const WIDEST_POINT = 22; // its parameters stand beside it

/**
 * @param {Points} points
 * @returns {Shown[]}
 */
function columnsShown(points) {
  const fixed = (/** @type {string} */ name) => /** @type {Column} */ (points.fixed.get(name));
  /** @type {Shown[]} */
  const shown = [plain(fixed("index"), "#", textOf), pointColumn(points), stateColumn(points)];
  for (const column of points.columns) {
    if (column.section !== "" && !column.constant) shown.push(plain(column, column.name, textOf));
  }
  const some = (/** @type {string} */ name) => fixed(name).cells.some((cell) => cell !== null);
  if (some("seconds")) shown.push(plain(fixed("seconds"), "time", durationText));
  const hosts = new Set(fixed("host").cells.filter((cell) => cell !== null));
  if (hosts.size > 1) shown.push(plain(fixed("host"), "host", textOf));
  if (fixed("attempts").cells.some((cell) => Number(cell) > 1)) {
    shown.push(plain(fixed("attempts"), "attempts", textOf));
  }
  if (fixed("files").cells.some((cell) => cell !== 0)) shown.push(filesColumn(points));
  if (some("error")) shown.push({ ...plain(fixed("error"), "error", textOf), width: null });
  return shown;
}

/**
 * @param {Column} column
 * @param {string} label
 * @param {(cell: Cell) => string} text
 * @returns {Shown}
 */
function plain(column, label, text) {
  const { cells, section } = column;
  const having = cells.filter((cell) => cell !== null);
  return {
    key: section === "" ? column.name : `${section}.${column.name}`,
    label,
    group: section === "" ? "" : section.slice(0, -1).replace("param", "parameter"),
    numeric: having.length > 0 && having.every((cell) => typeof cell === "number"),
    width: widthOf(label, cells, text),
    cells,
    fill(position, td) {
      const cell = cells[position];
      td.textContent = text(cell);
      const full = fullText(cell);
      if (cell === null) td.classList.add("absent");
      else if (full !== td.textContent || full.length > 12) td.title = full;
    },
  };
}

/**
 * Characters that a column needs, from at most some thousand of its cells: widths must
 * not change while rows scroll past.
 * @param {string} label
 * @param {Cell[]} cells
 * @param {(cell: Cell) => string} text
 * @returns {number}
 */
function widthOf(label, cells, text) {
  let width = Math.max(NARROWEST, label.length + 2);
  const step = Math.ceil(cells.length / 3000);
  for (let i = 0; i < cells.length; i += step) width = Math.max(width, text(cells[i]).length);
  return Math.min(width, WIDEST);
}

/**
 * @param {Points} points
 * @returns {Shown}
 */
function pointColumn(points) {
  const column = /** @type {Column} */ (points.fixed.get("id"));
  const base = plain(column, "point", textOf);
  return {
    ...base,
    width: Math.min(/** @type {number} */ (base.width), WIDEST_POINT),
    fill(position, td) {
      const id = String(column.cells[position]);
      const files = Number(fixedCell(points, "files", position));
      const file = files & BIT.page ? "notebook.html" : files & BIT.notebook ? "executed.ipynb" : "";
      td.title = id;
      td.append(file === "" ? id : anchor(id, addressOf(points, position, file)));
    },
  };
}

/**
 * @param {Points} points
 * @returns {Shown}
 */
function stateColumn(points) {
  const column = /** @type {Column} */ (points.fixed.get("state"));
  const base = plain(column, "state", textOf);
  return {
    ...base,
    width: /** @type {number} */ (base.width) + 3,
    fill(position, td) {
      const state = String(column.cells[position]);
      const mark = document.createElement("span");
      mark.className = `state state-${state}`;
      mark.textContent = state;
      td.append(mark);
    },
  };
}

/**
 * @param {Points} points
 * @returns {Shown}
 */
function filesColumn(points) {
  const column = /** @type {Column} */ (points.fixed.get("files"));
  return {
    key: "files",
    label: "files",
    group: "",
    numeric: false,
    width: 13,
    cells: column.cells,
    fill(position, td) {
      const files = Number(column.cells[position]);
      const id = String(fixedCell(points, "id", position));
      td.className += " files";
      if (files & BIT.notebook) {
        td.append(anchor("notebook", addressOf(points, position, "executed.ipynb"), `Executed notebook of ${id}`));
      }
      if (files & BIT.log) {
        td.append(anchor("log", addressOf(points, position, "output.log"), `Output of ${id}`));
      }
      if (!(files & (BIT.notebook | BIT.log))) {
        td.textContent = ABSENT;
        td.classList.add("absent");
      }
    },
  };
}

/**
 * @param {string} text
 * @param {string} href
 * @param {string} [label] for those who do not see the row around it
 * @returns {HTMLAnchorElement}
 */
function anchor(text, href, label) {
  const link = document.createElement("a");
  link.textContent = text;
  link.href = href;
  if (label !== undefined) {
    link.title = label;
    link.setAttribute("aria-label", label);
  }
  return link;
}
