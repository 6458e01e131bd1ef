// The columns that the table can show: in what order, how wide, and what a cell holds.

/**
 * @typedef {object} Shown
 * @property {string} key names the column in the page's address
 * @property {string} label
 * @property {string} group "parameter", "metric" or nothing
 * @property {boolean} usual shown unless the reader chooses
 * @property {boolean} numeric right-aligned
 * @property {number | null} width in characters; null: what is left
 * @property {Cell[]} cells what it sorts by
 * @property {(position: number, td: HTMLElement) => void} fill
 */

const REUSED = "The result is an earlier run's: nothing that it depends on has changed.";
const BIT = { page: 1, notebook: 2, log: 4 };
const NARROWEST = 5;
const WIDEST = 34;
const WIDEST_POINT = window.innerWidth < 640 ? 12 : 22; // its parameters stand beside it

/**
 * All columns that there are; `usual` ones are shown where the reader does not choose.
 * @param {Points} points
 * @returns {Shown[]}
 */
function columnsOf(points) {
  const fixed = (/** @type {string} */ name) => /** @type {Column} */ (points.fixed.get(name));
  const some = (/** @type {string} */ name) => fixed(name).cells.some((cell) => cell !== null);
  /** @type {Shown[]} */
  const shown = [plain(fixed("index"), "#", textOf), pointColumn(points), stateColumn(points)];
  for (const column of points.columns) {
    if (column.section === "") continue;
    shown.push({ ...plain(column, column.name, textOf), usual: !column.constant });
  }
  if (some("seconds")) shown.push(plain(fixed("seconds"), "time", durationText));
  if (some("cpu")) shown.push({ ...plain(fixed("cpu"), "CPU time", durationText), usual: false });
  if (some("memory")) shown.push({ ...plain(fixed("memory"), "memory", megabytes), usual: false });
  if (some("host")) {
    const hosts = new Set(fixed("host").cells.filter((cell) => cell !== null));
    shown.push({ ...plain(fixed("host"), "host", textOf), usual: hosts.size > 1 });
  }
  const again = fixed("attempts").cells.some((cell) => Number(cell) > 1);
  shown.push({ ...plain(fixed("attempts"), "attempts", textOf), usual: again });
  if (fixed("files").cells.some((cell) => cell !== 0)) shown.push(filesColumn(points));
  if (some("error")) shown.push({ ...plain(fixed("error"), "error", textOf), width: null });
  return shown;
}

/**
 * Those of the columns that the reader chose, or the usual ones.
 * @param {Shown[]} all
 * @param {string[] | null} chosen
 * @returns {Shown[]}
 */
function chosenColumns(all, chosen) {
  return all.filter((column) => (chosen === null ? column.usual : chosen.includes(column.key)));
}

/** @param {Cell} cell */
function megabytes(cell) {
  return typeof cell === "number" ? `${Math.round(cell).toLocaleString("en")} MB` : ABSENT;
}

/**
 * @param {Column} column
 * @param {string} label
 * @param {(cell: Cell) => string} text
 * @returns {Shown}
 */
function plain(column, label, text) {
  const { cells, section } = column;
  return {
    key: column.key,
    label,
    group: section === "" ? "" : section.slice(0, -1).replace("param", "parameter"),
    usual: true,
    numeric: isNumeric(column),
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
      const file = pageOf(points, position);
      td.title = id;
      if (file !== "") td.append(anchor(id, addressOf(points, position, file)));
      else td.append(el("a", { href: `#${new URLSearchParams({ tab: "point", point: id })}`, "data-position": position }, id));
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
  const reused = (points.fixed.get("reused")?.cells || []).some((cell) => cell === true);
  return {
    ...base,
    width: /** @type {number} */ (base.width) + (reused ? 11 : 3),
    fill(position, td) {
      const state = String(column.cells[position]);
      const mark = document.createElement("span");
      mark.className = `state state-${state}`;
      mark.textContent = state;
      td.append(mark);
      if (fixedCell(points, "reused", position) === true) td.append(el("span", { class: "reused", title: REUSED }, "reused"));
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
    usual: true,
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
