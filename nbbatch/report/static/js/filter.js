// Which points are shown: by text, by state, by failure group.

/**
 * What the reader asked to see; it lives in the page's address.
 * @typedef {object} View
 * @property {string} text
 * @property {string[]} states empty: all
 * @property {string} failure key of a failure group; empty: all
 * @property {string} sort name of a column, with a leading "-" for descending; empty: by index
 */

/**
 * Positions of the points that match, in their original order.
 * @param {Points} points
 * @param {string[]} haystacks lower-case text of each point
 * @param {View} view
 * @returns {number[]}
 */
function matching(points, haystacks, view) {
  const among = view.failure === "" ? null : points.failures.get(view.failure) || [];
  const states = new Set(view.states);
  const tests = view.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => wordTest(points, haystacks, word));
  const stateCells = /** @type {Column} */ (points.fixed.get("state")).cells;
  const found = [];
  for (const position of among || haystacks.keys()) {
    if (states.size > 0 && !states.has(String(stateCells[position]))) continue;
    if (tests.every((test) => test(position))) found.push(position);
  }
  return found;
}

/**
 * `name=value` asks for a parameter or metric, where there is one of that name; every
 * other word may be anywhere.
 * @param {Points} points
 * @param {string[]} haystacks
 * @param {string} word
 * @returns {(position: number) => boolean}
 */
function wordTest(points, haystacks, word) {
  const [name, ...rest] = word.split("=");
  const columns = points.columns.filter((column) => column.name.toLowerCase() === name);
  if (rest.length === 0 || columns.length === 0) {
    return (position) => haystacks[position].includes(word);
  }
  const wanted = rest.join("=");
  return (position) =>
    columns.some(({ cells }) => {
      const cell = cells[position];
      return wanted === fullText(cell).toLowerCase() || wanted === textOf(cell).toLowerCase();
    });
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
