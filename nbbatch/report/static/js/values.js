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
  if (kinds !== 0) return kinds;
  const [a, b] = [fullText(one), fullText(other)];
  // "a" and "A" are one to the collator, but two values.
  return collator.compare(a, b) || (a < b ? -1 : Number(a > b));
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

/**
 * A value's text where it names a level of a category: what is absent has one, too.
 * @param {Cell} cell
 * @returns {string}
 */
function levelText(cell) {
  return cell === null ? ABSENT : fullText(cell);
}

/**
 * The distinct values of a column, in order; absent ones last.
 * @param {Cell[]} cells
 * @param {Iterable<number>} positions
 * @param {number} most as soon as there are more, null is returned
 * @returns {{text: string, cell: Cell, count: number}[] | null}
 */
function levelsOf(cells, positions, most) {
  /** @type {Map<string, {text: string, cell: Cell, count: number}>} */
  const found = new Map();
  for (const position of positions) {
    const cell = cells[position];
    const text = levelText(cell);
    const level = found.get(text);
    if (level !== undefined) level.count++;
    else if (found.size === most) return null;
    else found.set(text, { text, cell, count: 1 });
  }
  return [...found.values()].sort((one, other) => {
    if (one.cell === null || other.cell === null) return one.cell === null ? 1 : -1;
    return compareCells(one.cell, other.cell);
  });
}

// What a notebook records where no number came out.
const NO_NUMBER = ["NaN", "Infinity", "-Infinity", "null"];

/**
 * Whether all values that there are are numbers. A metric of numbers is one even if at some
 * points none came out; of a parameter such a value is a level like others.
 * @param {{section: string, cells: Cell[]}} column
 * @returns {boolean}
 */
function isNumeric({ section, cells }) {
  let some = false;
  for (const cell of cells) {
    if (typeof cell === "number") some = true;
    else if (cell === null) continue;
    else if (section !== "metrics" || typeof cell !== "object" || !NO_NUMBER.includes(cell.text)) return false;
  }
  return some;
}

/**
 * Least and largest number.
 * @param {Cell[]} cells
 * @returns {[number, number]}
 */
function extentOf(cells) {
  let [least, most] = [Infinity, -Infinity];
  for (const cell of cells) {
    if (typeof cell !== "number") continue;
    if (cell < least) least = cell;
    if (cell > most) most = cell;
  }
  return [least, most];
}
