// Which points are shown: by text, state, failure group, values, selection.

/**
 * Positions of the points that match, in their original order.
 * @param {Points} points
 * @param {string[]} haystacks lower-case text of each point
 * @param {View} view
 * @param {boolean} [all] with the points that are not selected, where only these are shown
 * @returns {number[]}
 */
function matching(points, haystacks, view, all = false) {
  const tests = [...wordTests(points, haystacks, view.text), ...valueTests(points, view)];
  if (view.only && !all) tests.push((position) => view.selected.has(position));
  const states = new Set(view.states);
  if (states.size > 0) {
    const { cells } = /** @type {Column} */ (points.fixed.get("state"));
    tests.unshift((position) => states.has(String(cells[position])));
  }
  const among = view.failure === "" ? null : points.failures.get(view.failure) || [];
  const found = [];
  for (const position of among || haystacks.keys()) {
    if (tests.every((test) => test(position))) found.push(position);
  }
  return found;
}

/** @typedef {(position: number) => boolean} Test */

/**
 * @param {Points} points
 * @param {string[]} haystacks
 * @param {string} text
 * @returns {Test[]}
 */
function wordTests(points, haystacks, text) {
  const words = text.toLowerCase().split(/\s+/);
  return words.filter((word) => word !== "").map((word) => wordTest(points, haystacks, word));
}

/**
 * `name=value` asks for a parameter or metric, where there is one of that name; every
 * other word may be anywhere.
 * @param {Points} points
 * @param {string[]} haystacks
 * @param {string} word
 * @returns {Test}
 */
function wordTest(points, haystacks, word) {
  const [name, ...rest] = word.split("=");
  const columns = points.columns.filter((column) => column.name.toLowerCase() === name);
  if (rest.length === 0 || columns.length === 0) {
    return (position) => haystacks[position].includes(word);
  }
  const wanted = rest.join("=");
  const number = wanted === "" ? NaN : Number(wanted);
  return (position) =>
    columns.some(({ cells }) => {
      const cell = cells[position];
      return cell === number || wanted === fullText(cell).toLowerCase() || wanted === textOf(cell).toLowerCase();
    });
}

/**
 * @param {Points} points
 * @param {View} view
 * @returns {Test[]}
 */
function valueTests(points, view) {
  /** @type {Test[]} */
  const tests = [];
  for (const [key, texts] of view.among) {
    const column = columnOf(points, key);
    if (column === undefined) continue;
    const wanted = new Set(texts);
    tests.push((position) => wanted.has(levelText(column.cells[position])));
  }
  for (const [key, [least, most]] of view.between) {
    const column = columnOf(points, key);
    if (column === undefined) continue;
    tests.push((position) => {
      const cell = column.cells[position];
      if (typeof cell !== "number") return false;
      return (least === null || cell >= least) && (most === null || cell <= most);
    });
  }
  return tests;
}

/**
 * All text of each point, in lower case, to search in.
 * @param {Points} points
 * @returns {string[]}
 */
function haystacksOf(points) {
  const searched = points.columns.filter(({ name, section }) => {
    return section !== "" || ["id", "state", "host", "error"].includes(name);
  });
  const texts = [];
  for (let position = 0; position < points.total; position++) {
    const parts = searched.map(({ cells }) => fullText(cells[position]));
    texts.push(parts.join("\n").toLowerCase());
  }
  return texts;
}

/**
 * Whether the view leaves points out.
 * @param {View} view
 * @returns {boolean}
 */
function filters(view) {
  const { text, states, failure, among, between, only } = view;
  return text !== "" || states.length > 0 || failure !== "" || among.size > 0 || between.size > 0 || only;
}

/** @type {Partial<View>} what a view without filters has */
const UNFILTERED = { text: "", states: [], failure: "", only: false };
