// How values read, and how they compare.

const ABSENT = "–";

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * A value as text: floats to six significant digits.
 * @param {Cell} cell
 * @returns {string}
 */
function textOf(cell) {
  if (cell === null) return ABSENT;
  if (typeof cell === "number") {
    return Number.isInteger(cell) ? String(cell) : String(Number(cell.toPrecision(6)));
  }
  return fullText(cell);
}

/**
 * A value as text with all its digits; empty where there is none.
 * @param {Cell} cell
 * @returns {string}
 */
function fullText(cell) {
  if (cell === null) return "";
  return typeof cell === "object" ? cell.text : String(cell);
}

/**
 * Seconds as people say them; the same words as in the terminal.
 * @param {Cell} cell
 * @returns {string}
 */
function durationText(cell) {
  if (typeof cell !== "number") return ABSENT;
  if (cell < 9.95) return `${Math.max(cell, 0).toFixed(1)} s`;
  if (cell < 59.5) return `${Math.round(cell)} s`;
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  if (cell < 3599.5) {
    const whole = Math.round(cell);
    return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  }
  const minutes = Math.round(cell / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/**
 * Kinds in the order in which a column of mixed values sorts.
 * @param {Cell} cell
 * @returns {number}
 */
function kindOf(cell) {
  if (typeof cell === "number") return 0;
  if (typeof cell === "boolean") return 1;
  return typeof cell === "string" ? 2 : 3;
}

/**
 * Numbers as numbers, texts in natural order (run2 before run10).
 * @param {Cell} one not null
 * @param {Cell} other not null
 * @returns {number}
 */
function compareCells(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  const kinds = kindOf(one) - kindOf(other);
  return kinds !== 0 ? kinds : collator.compare(fullText(one), fullText(other));
}

/**
 * Positions in the order of a column. Points without a value come last in both
 * directions; equal ones keep their order.
 * @param {number[]} positions
 * @param {Cell[]} cells
 * @param {boolean} descending
 * @returns {number[]}
 */
function sorted(positions, cells, descending) {
  const having = positions.filter((position) => cells[position] !== null);
  const lacking = positions.filter((position) => cells[position] === null);
  const sign = descending ? -1 : 1;
  having.sort((a, b) => sign * compareCells(cells[a], cells[b]) || a - b);
  return having.concat(lacking);
}
