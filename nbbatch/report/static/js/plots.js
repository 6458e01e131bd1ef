// The plots tab: what is plotted against what. plotly.js is loaded when it is first needed.

/**
 * @typedef {object} Axis a column as a plot takes it
 * @property {string} key
 * @property {string} label
 * @property {"parameter" | "metric" | ""} kind
 * @property {boolean} numeric
 * @property {Cell[]} cells
 */

const PLOT_KINDS = { scatter: "Scatter", heatmap: "Heat map", parallel: "Parallel coordinates" };
const PLOTLY_FILE = "assets/plotly.min.js";
const FACETS = 12;
const FOLDS = ["mean", "median", "minimum", "maximum", "number"];

/**
 * @param {App} app
 * @param {HTMLElement} place
 */
function showPlots(app, place) {
  const axes = plotAxes(app.points);
  const kind = Object.hasOwn(PLOT_KINDS, app.view.how.get("plot") || "") ? app.view.how.get("plot") : "scatter";
  const state = plotState(app, axes);
  const controls = plotControls(app, axes, state, kind || "scatter");
  let frame = /** @type {HTMLElement | null} */ (place.querySelector(".plot"));
  if (frame === null || frame.dataset.kind !== kind) {
    frame = el("div", { class: "plot", "data-kind": kind || "scatter" });
  }
  const note = el("p", { class: "note", role: "status" });
  place.replaceChildren(controls, note, frame);
  if (axes.length < 2 || state.y === undefined || state.x === undefined) {
    note.textContent = "There are not two columns of values to plot yet.";
    frame.remove();
    return;
  }
  if (kind === "parallel") {
    drawParallel(app, frame, state, note);
    return;
  }
  withPlotly(
    app,
    (plotly) => {
      if (kind === "heatmap") drawHeatmap(app, plotly, frame, state, note);
      else drawScatter(app, plotly, frame, state, note);
    },
    () => {
      note.textContent = `${PLOTLY_FILE} is missing beside this page: it comes with Python's plotly package.`;
    },
  );
}

/**
 * @param {App} app
 * @param {(plotly: any) => void} use
 * @param {() => void} missing
 */
function withPlotly(app, use, missing) {
  const known = () => /** @type {any} */ (window).Plotly;
  if (known() !== undefined) {
    use(known());
    return;
  }
  // Once: a second copy would not know what the first one has drawn.
  if (!app.kept.has("plotly")) app.kept.set("plotly", loadScript(PLOTLY_FILE));
  app.kept.get("plotly").then(() => use(known()), missing);
}

/**
 * What can be plotted: varying parameters first, then metrics.
 * @param {Points} points
 * @returns {Axis[]}
 */
function plotAxes(points) {
  /** @type {Axis[]} */
  const axes = [];
  for (const { section, key, name, constant, cells } of points.columns) {
    const own = section !== "" || ["seconds", "memory", "cpu", "index", "state", "host"].includes(name);
    if (!own || constant || cells.every((cell) => cell === null)) continue;
    const label = { seconds: "time (s)", memory: "memory (MB)", cpu: "CPU time (s)", index: "number" };
    axes.push({
      key,
      label: section === "" && Object.hasOwn(label, name) ? label[/** @type {"cpu"} */ (name)] : name,
      kind: section === "params" ? "parameter" : section === "metrics" ? "metric" : "",
      numeric: isNumeric({ section, cells }),
      cells,
    });
  }
  const order = ["parameter", "metric", ""];
  return axes.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/**
 * @typedef {object} PlotState
 * @property {Axis | undefined} x
 * @property {Axis | undefined} y
 * @property {Axis | undefined} value
 * @property {Axis | undefined} colour
 * @property {Axis | undefined} facet
 * @property {string} fold
 * @property {Axis[]} axes
 */

/**
 * The axes that the address names, or usual ones.
 * @param {App} app
 * @param {Axis[]} axes
 * @returns {PlotState}
 */
function plotState(app, axes) {
  const { how } = app.view;
  const named = (/** @type {string} */ name) => axes.find(({ key }) => key === how.get(name));
  const params = axes.filter(({ kind }) => kind === "parameter");
  const metrics = axes.filter(({ kind, numeric }) => kind === "metric" && numeric);
  const value = named("value") || metrics[0] || axes.find(({ key, numeric }) => numeric && key === "seconds");
  const heat = how.get("plot") === "heatmap";
  // One looks along the number that has the most values.
  const long = [...params].sort((a, b) => lengthOf(b) - lengthOf(a));
  const x = named("x") || long[0] || axes[0];
  const y = heat ? named("y") || long.find((axis) => axis !== x) || x : value;
  const none = how.get("colour") === "none";
  const usual = params.find((axis) => axis !== x && (levelsOf(axis.cells, axis.cells.keys(), 8) || []).length > 1);
  return {
    x,
    y,
    value,
    colour: none ? undefined : named("colour") || usual,
    facet: named("facet"),
    fold: FOLDS.includes(how.get("fold") || "") ? how.get("fold") || "mean" : "mean",
    axes,
  };
}

/**
 * How far an axis reaches: its number of values, more than any for one of numbers.
 * @param {Axis} axis
 */
function lengthOf(axis) {
  const levels = levelsOf(axis.cells, axis.cells.keys(), 100);
  return (levels === null ? 100 : levels.length) + (axis.numeric && (levels === null || levels.length > 2) ? 100 : 0);
}

/**
 * @param {App} app
 * @param {Axis[]} axes
 * @param {PlotState} state
 * @param {string} kind
 * @returns {HTMLElement}
 */
function plotControls(app, axes, state, kind) {
  const bar = el("div", { class: "controls" });
  const kinds = el("div", { class: "toggles", role: "group", "aria-label": "Kind of plot" });
  for (const [name, text] of Object.entries(PLOT_KINDS)) {
    kinds.append(button(text, () => app.set("plot", name === "scatter" ? "" : name), { "aria-pressed": String(name === kind) }));
  }
  bar.append(kinds);
  const options = axes.map(({ key, label }) => ({ value: key, text: label }));
  const numbers = axes.filter(({ numeric }) => numeric).map(({ key, label }) => ({ value: key, text: label }));
  const add = (/** @type {string} */ label, /** @type {string} */ name, /** @type {Axis | undefined} */ axis, given = options) =>
    bar.append(chooser(label, given, axis ? axis.key : "", (value) => app.set(name, value)));
  if (kind === "scatter") {
    add("Vertical", "value", state.value, numbers);
    add("Horizontal", "x", state.x);
    add("Colour", "colour", state.colour, [{ value: "none", text: "one for all" }, ...options]);
    add("Facets", "facet", state.facet, [{ value: "", text: "none" }, ...facetOptions(axes)]);
  } else if (kind === "heatmap") {
    const params = axes.filter((axis) => axis.kind === "parameter").map(({ key, label }) => ({ value: key, text: label }));
    add("Colour", "value", state.value, numbers);
    add("Horizontal", "x", state.x, params);
    add("Vertical", "y", state.y, params);
    bar.append(
      chooser("Several in a cell", FOLDS.map((fold) => ({ value: fold, text: fold })), state.fold, (value) => app.set("fold", value)),
    );
  } else {
    add("Colour", "value", state.value, numbers);
  }
  return bar;
}

/** @param {Axis[]} axes */
function facetOptions(axes) {
  const few = axes.filter(({ cells }) => {
    const levels = levelsOf(cells, cells.keys(), FACETS);
    return levels !== null && levels.length > 1;
  });
  return few.map(({ key, label }) => ({ value: key, text: label }));
}

/** @type {WeakMap<Cell[], Map<string, string>>} */
const NAMES = new WeakMap();

/**
 * What each value of an axis of texts is called in a plot: short, and no two the same.
 * @param {Axis} axis
 * @returns {Map<string, string>}
 */
function namesOf(axis) {
  const known = NAMES.get(axis.cells);
  if (known !== undefined) return known;
  /** @type {Map<string, string>} */
  const names = new Map();
  const taken = new Set();
  for (const { text } of levelsOf(axis.cells, axis.cells.keys(), Infinity) || []) {
    const short = text.length > 28 ? `${text.slice(0, 11)}…${text.slice(-16)}` : text;
    let name = plain4plotly(short);
    for (let again = 2; taken.has(name); again++) name = plain4plotly(`${short} (${again})`);
    taken.add(name);
    names.set(text, name);
  }
  NAMES.set(axis.cells, names);
  return names;
}

/**
 * Text as plotly shows it: it would take some HTML for markup.
 * @param {string} text
 * @returns {string}
 */
function plain4plotly(text) {
  const short = text.length > 40 ? `${text.slice(0, 39)}…` : text;
  return short.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\$/g, "＄");
}

/**
 * What all plots share: the page's colours and type.
 * @param {Record<string, any>} more
 * @returns {Record<string, any>}
 */
function plotLayout(more) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("--text") },
    margin: { l: 70, r: 20, t: 30, b: 70 },
    hoverlabel: { font: { family: getComputedStyle(document.body).fontFamily } },
    ...more,
  };
}

/**
 * Draw one plot after the other: plotly mixes them up when the next begins before the
 * last has ended. Of several that wait only the latest is drawn.
 * @param {App} app
 * @param {() => any} draw
 */
function inTurn(app, draw) {
  const before = app.kept.get("drawing") || Promise.resolve();
  const drawn = before.then(async () => {
    if (app.kept.get("drawing") !== drawn) return;
    await draw();
    if (app.kept.get("drawing") === drawn) app.kept.delete("drawing");
  });
  app.kept.set("drawing", drawn);
}

/**
 * @param {App} app
 * @param {any} plotly
 * @param {any} frame
 * @param {any[]} traces
 * @param {Record<string, any>} layout
 * @param {Record<string, (event: any) => void>} listeners
 */
function drawPlot(app, plotly, frame, traces, layout, listeners) {
  inTurn(app, async () => {
    await plotly.react(frame, traces, layout, PLOT_OPTIONS);
    for (const name of ["plotly_click", "plotly_selected", "plotly_deselect"]) {
      frame.removeAllListeners(name);
      if (Object.hasOwn(listeners, name)) frame.on(name, listeners[name]);
    }
  });
}

/** Lines and zero of an axis, in the page's colours. */
function axisStyle() {
  return { gridcolor: colour("--line"), zerolinecolor: colour("--control-line"), linecolor: colour("--control-line"), automargin: true };
}

const PLOT_OPTIONS = {
  displaylogo: false,
  responsive: true,
  modeBarButtonsToRemove: ["sendDataToCloud", "autoScale2d"],
};
