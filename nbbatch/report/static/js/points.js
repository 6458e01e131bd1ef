// The points as the data files bring them, one column at a time.

/**
 * A cell's value: null where the point has none; `{text}` where JavaScript has no type for it.
 * @typedef {null | boolean | number | string | {text: string}} Cell
 */

/**
 * A column as a data file has it: plain, or with repeated values written once.
 * @typedef {Cell[] | {of: Cell[], at: number[]}} Packed
 */

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} key names the column in the page's address
 * @property {"" | "params" | "metrics"} section
 * @property {boolean} constant
 * @property {Cell[]} cells one a point
 */

/**
 * @typedef {object} Points
 * @property {number} total
 * @property {number} now when the data were written, in seconds after the sweep's creation; 0 once it has ended
 * @property {any} sweep what `columns.js` says of the whole sweep
 * @property {Column[]} columns
 * @property {Map<string, Column>} byKey
 * @property {Map<string, Column>} fixed columns of no section, by name
 * @property {Map<string, number[]>} failures failure group → positions of its points
 * @property {Map<string, number>} places id → position
 * @property {Map<string, Map<string, string>>} pictures id → file → address, in a report that is one file
 */

/**
 * Put the data files' pieces together. Pieces may come in any order; of two that say the
 * same the later one counts.
 * @param {any[]} pieces
 * @returns {Points}
 */
function gather(pieces) {
  /** @type {Points} */
  const points = {
    total: 0,
    now: 0,
    sweep: {},
    columns: [],
    byKey: new Map(),
    fixed: new Map(),
    failures: new Map(),
    places: new Map(),
    pictures: new Map(),
  };
  /** @type {number | null} */
  let written = null;
  for (const piece of pieces) {
    if (piece.kind === "columns") {
      points.total = piece.total;
      points.sweep = piece;
      points.columns = piece.columns.map((/** @type {Column} */ column) => ({
        ...column,
        key: column.section === "" ? column.name : `${column.section}.${column.name}`,
        cells: new Array(piece.total).fill(null),
      }));
    } else if (piece.kind === "failures") {
      points.failures = new Map(Object.entries(piece.groups));
    } else if (piece.kind === "now") {
      written = piece.at;
    } else if (piece.kind === "figures") {
      points.pictures.set(piece.point, new Map(Object.entries(piece.files)));
    }
  }
  if (written !== null) points.now = written - points.sweep.base;
  for (const column of points.columns) {
    points.byKey.set(column.key, column);
    if (column.section === "") points.fixed.set(column.name, column);
  }
  for (const piece of pieces) {
    if (piece.kind === "points") putInPlace(piece, points);
  }
  const ids = points.fixed.get("id");
  if (ids !== undefined) ids.cells.forEach((id, position) => points.places.set(String(id), position));
  return points;
}

/**
 * @param {any} piece
 * @param {Points} points
 */
function putInPlace(piece, points) {
  piece.columns.forEach((/** @type {[string, string]} */ [section, name], /** @type {number} */ at) => {
    const column = points.byKey.get(section === "" ? name : `${section}.${name}`);
    if (column === undefined) return;
    const cells = unpacked(piece.values[at]);
    const room = points.total - piece.start;
    for (let i = 0; i < cells.length && i < room; i++) column.cells[piece.start + i] = cells[i];
  });
}

/**
 * @param {Packed} packed
 * @returns {Cell[]}
 */
function unpacked(packed) {
  if (Array.isArray(packed)) return packed;
  const { of, at } = packed;
  return at.map((place) => of[place]);
}

/**
 * @param {Points} points
 * @param {string} key
 * @returns {Column | undefined}
 */
function columnOf(points, key) {
  return points.byKey.get(key);
}

/**
 * @param {Points} points
 * @param {string} name of a fixed column
 * @param {number} position
 * @returns {Cell}
 */
function fixedCell(points, name, position) {
  const column = points.fixed.get(name);
  return column === undefined ? null : column.cells[position];
}

/**
 * @param {Points} points
 * @param {number} position
 * @returns {string}
 */
function idOf(points, position) {
  return String(fixedCell(points, "id", position));
}

/**
 * The parameters that differ between points.
 * @param {Points} points
 * @returns {Column[]}
 */
function varyingParams(points) {
  return points.columns.filter((column) => column.section === "params" && !column.constant);
}

/**
 * The address of one of a point's files, relative to the report; each part percent-encoded.
 * @param {Points} points
 * @param {number} position
 * @param {string} file
 * @returns {string}
 */
function addressOf(points, position, file) {
  const dir = fixedCell(points, "dir", position);
  const path = `${dir === null ? `points/${idOf(points, position)}` : dir}/${file}`;
  return `../${path.split("/").map(encodeURIComponent).join("/")}`;
}

/**
 * The file that shows a point, empty if there is none.
 * @param {Points} points
 * @param {number} position
 * @returns {string}
 */
function pageOf(points, position) {
  const files = Number(fixedCell(points, "files", position));
  return files & BIT.page ? "notebook.html" : files & BIT.notebook ? "executed.ipynb" : "";
}

/**
 * Stem of each figure of a point → its file and its thumbnail's.
 * @param {Points} points
 * @param {number} position
 * @returns {Map<string, {file: string, small: string}>}
 */
function figuresOf(points, position) {
  /** @type {Map<string, {file: string, small: string}>} */
  const found = new Map();
  const names = fixedCell(points, "figures", position);
  if (typeof names !== "string") return found;
  for (const name of names.split("/")) {
    const stem = name.split(".")[0];
    const inside = points.pictures.get(idOf(points, position));
    const at = inside?.get(name) || addressOf(points, position, `figures/${name}`);
    const known = found.get(stem);
    if (!name.includes(".thumb.")) found.set(stem, { file: at, small: known ? known.small : at });
    else found.set(stem, { file: known ? known.file : at, small: at });
  }
  return found;
}

/**
 * Figure as people say it: "cell-07-2" → "cell 7, 2nd".
 * @param {string} stem
 * @returns {string}
 */
function figureName(stem) {
  const match = /^cell-0*(\d+)(?:-(\d+))?$/.exec(stem);
  if (match === null) return stem;
  return match[2] === undefined ? `cell ${match[1]}` : `cell ${match[1]}, figure ${match[2]}`;
}
