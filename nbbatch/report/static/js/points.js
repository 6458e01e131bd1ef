// The points as the data files bring them, one column at a time.

/**
 * A cell's value: null where the point has none; `{text}` where JavaScript has no type for it.
 * @typedef {null | boolean | number | string | {text: string}} Cell
 */

/**
 * A column as a data file has it: plain, or with repeated texts written once.
 * @typedef {Cell[] | {of: Cell[], at: number[]}} Packed
 */

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {"" | "params" | "metrics"} section
 * @property {boolean} constant
 * @property {Cell[]} cells one a point
 */

/**
 * @typedef {object} Points
 * @property {number} total
 * @property {Column[]} columns
 * @property {Map<string, Column>} fixed columns of no section, by name
 * @property {Map<string, number[]>} failures failure group → positions of its points
 */

/**
 * Put the data files' pieces together. Pieces may come in any order.
 * @param {any[]} pieces
 * @returns {Points}
 */
function gather(pieces) {
  /** @type {Points} */
  const points = { total: 0, columns: [], fixed: new Map(), failures: new Map() };
  for (const piece of pieces) {
    if (piece.kind === "columns") {
      points.total = piece.total;
      points.columns = piece.columns.map((/** @type {Column} */ column) => ({
        ...column,
        cells: new Array(piece.total).fill(null),
      }));
    } else if (piece.kind === "failures") {
      points.failures = new Map(Object.entries(piece.groups));
    }
  }
  for (const piece of pieces) {
    if (piece.kind !== "points") continue;
    piece.values.forEach((/** @type {Packed} */ packed, /** @type {number} */ place) => {
      const column = points.columns[place];
      const cells = unpacked(packed);
      for (let i = 0; i < cells.length; i++) column.cells[piece.start + i] = cells[i];
    });
  }
  for (const column of points.columns) {
    if (column.section === "") points.fixed.set(column.name, column);
  }
  return points;
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
 * @param {string} name of a fixed column
 * @param {number} position
 * @returns {Cell}
 */
function fixedCell(points, name, position) {
  const column = points.fixed.get(name);
  return column === undefined ? null : column.cells[position];
}

/**
 * The address of one of a point's files, relative to the report; each part percent-encoded.
 * @param {Points} points
 * @param {number} position
 * @param {string} file
 * @returns {string}
 */
function addressOf(points, position, file) {
  const id = String(fixedCell(points, "id", position));
  const dir = fixedCell(points, "dir", position);
  const path = `${dir === null ? `points/${id}` : dir}/${file}`;
  return `../${path.split("/").map(encodeURIComponent).join("/")}`;
}
