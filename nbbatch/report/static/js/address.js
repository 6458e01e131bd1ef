// The view in the page's address: a link shows what its sender saw.

/**
 * What the reader asked to see; it lives in the page's address.
 * @typedef {object} View
 * @property {string} text
 * @property {string[]} states empty: all
 * @property {string} failure key of a failure group; empty: all
 * @property {string} sort name of a column, with a leading "-" for descending; empty: by index
 * @property {string} tab
 * @property {Map<string, string[]>} among column → the texts that it may have
 * @property {Map<string, [number | null, number | null]>} between column → its least and most
 * @property {string[] | null} columns of the table; null: those that it chooses itself
 * @property {Set<number>} selected positions
 * @property {boolean} only the selected points are shown
 * @property {string} point id of the one that is looked at
 * @property {[string, string]} pair ids of the two that are compared
 * @property {Map<string, string>} how settings of the tabs, by name
 */

const SETTINGS = ["plot", "x", "y", "value", "colour", "facet", "fold", "figure", "by", "swipe"];

/**
 * @param {number} total how many points there are
 * @returns {View}
 */
function viewFromAddress(total) {
  const given = new URLSearchParams(location.hash.slice(1));
  const list = (/** @type {string} */ name) => (given.get(name) || "").split(",").filter((s) => s !== "");
  /** @type {View} */
  const view = {
    text: given.get("q") || "",
    states: list("state"),
    failure: given.get("failure") || "",
    sort: given.get("sort") || "",
    tab: given.get("tab") || (given.has("point") ? "point" : usualTab(total)),
    among: new Map(),
    between: new Map(),
    columns: given.has("columns") ? given.getAll("columns").filter((key) => key !== "") : null,
    selected: positionsOf(given.get("selected") || "", total),
    only: given.get("only") === "1",
    point: given.get("point") || "",
    pair: [given.get("a") || "", given.get("b") || ""],
    how: new Map(),
  };
  for (const [name, value] of given) {
    const key = name.slice(name.indexOf(".") + 1);
    if (name.startsWith("is.")) {
      view.among.set(key, [...(view.among.get(key) || []), value]);
    } else if (name.startsWith("min.") || name.startsWith("max.")) {
      const limits = view.between.get(key) || [null, null];
      const limit = Number(value);
      if (value === "" || !Number.isFinite(limit)) continue;
      limits[name.startsWith("min.") ? 0 : 1] = limit;
      view.between.set(key, limits);
    } else if (SETTINGS.includes(name)) {
      view.how.set(name, value);
    }
  }
  return view;
}

/**
 * One point has nothing to be looked up in a table.
 * @param {number} total
 */
function usualTab(total) {
  return total === 1 ? "point" : "table";
}

/**
 * Write the view into the address, without an entry in the history for each keystroke.
 * @param {View} view
 * @param {number} total how many points there are
 * @param {boolean} [entry] the browser's "back" shall return to the view before
 */
function viewToAddress(view, total, entry = false) {
  const said = new URLSearchParams();
  const set = (/** @type {string} */ name, /** @type {string} */ value) => {
    if (value !== "") said.set(name, value);
  };
  set("tab", view.tab === usualTab(total) ? "" : view.tab);
  set("q", view.text);
  set("state", view.states.join(","));
  set("failure", view.failure);
  set("sort", view.sort);
  for (const [key, texts] of view.among) for (const text of texts) said.append(`is.${key}`, text);
  for (const [key, [least, most]] of view.between) {
    if (least !== null) said.set(`min.${key}`, String(least));
    if (most !== null) said.set(`max.${key}`, String(most));
  }
  if (view.columns !== null) for (const key of ["", ...view.columns]) said.append("columns", key);
  set("selected", rangesOf(view.selected));
  set("only", view.only ? "1" : "");
  set("point", view.tab === "point" ? view.point : "");
  if (view.tab === "compare") {
    set("a", view.pair[0]);
    set("b", view.pair[1]);
  }
  for (const [name, value] of view.how) set(name, value);
  const hash = said.toString();
  writeAddress(`${location.href.split("#")[0]}${hash === "" ? "" : `#${hash}`}`, entry);
}

let writing = 0;

/**
 * Browsers allow some 100 of these in ten to thirty seconds, which a slider that is dragged has soon.
 * @param {string} address
 * @param {boolean} entry
 */
function writeAddress(address, entry) {
  window.clearTimeout(writing);
  try {
    if (entry) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  } catch {
    writing = window.setTimeout(() => writeAddress(address, entry), 2000);
  }
}
