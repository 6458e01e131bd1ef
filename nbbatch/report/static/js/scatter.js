// A metric against a parameter, coloured and in facets by others. Selecting selects points.

// Okabe and Ito's colours, which colour-blind readers tell apart; each with its own mark.
const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f"];
const MARKS = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star", "triangle-down"];

/**
 * @param {App} app
 * @param {any} plotly
 * @param {HTMLElement} frame
 * @param {PlotState} state
 * @param {HTMLElement} note
 */
function drawScatter(app, plotly, frame, state, note) {
  const { x, y } = /** @type {{x: Axis, y: Axis}} */ (state);
  const positions = app.inOrder(true);
  const there = positions.filter((position) => plotValue(y, position) !== null && plotValue(x, position) !== null);
  const left = positions.length - there.length;
  const lacking = `${counted(left, "point")} without a value ${left === 1 ? "is" : "are"} not shown.`;
  note.textContent = `Drag to select points: table and gallery then show these. ${left > 0 ? lacking : ""}`;
  const facets = state.facet === undefined ? null : levelsOf(state.facet.cells, there, FACETS);
  const groups = facets === null || state.facet === undefined
    ? [{ title: "", positions: there }]
    : facets.map(({ text }) => ({
        title: `${state.facet?.label} = ${text}`,
        positions: there.filter((position) => levelText(/** @type {Axis} */ (state.facet).cells[position]) === text),
      }));
  const columns = Math.min(groups.length, frame.clientWidth < 700 ? 1 : groups.length > 4 ? 3 : 2);
  const rows = Math.ceil(groups.length / columns);
  const layout = plotLayout({
    height: rows === 1 ? 480 : 60 + 300 * rows,
    dragmode: "select",
    showlegend: state.colour !== undefined,
    legend: { title: { text: plain4plotly(state.colour?.label || "") }, itemsizing: "constant" },
    grid: { rows, columns, pattern: "independent" },
    annotations: [],
  });
  const levels = state.colour === undefined ? null : levelsOf(state.colour.cells, there, HUES.length);
  // Each level is in the legend once, with the first facet that has it.
  const named = new Set();
  /** @type {any[]} */
  const traces = [];
  groups.forEach((group, at) => {
    const suffix = at === 0 ? "" : String(at + 1);
    const marks = marksOf(group.positions, there, state.colour, levels, at === 0);
    for (const trace of scatterTraces(app, marks, x, y, there.length)) {
      const showlegend = levels !== null && !named.has(trace.legendgroup);
      named.add(trace.legendgroup);
      traces.push({ ...trace, showlegend, xaxis: `x${suffix}`, yaxis: `y${suffix}` });
    }
    layout[`xaxis${suffix}`] = { ...axisStyle(), title: { text: plain4plotly(x.label) }, ...categories(x, there) };
    layout[`yaxis${suffix}`] = { ...axisStyle(), title: { text: plain4plotly(y.label) }, ...categories(y, there) };
    if (at > 0) {
      layout[`yaxis${suffix}`].matches = "y";
      layout[`xaxis${suffix}`].matches = "x";
    }
    if (group.title !== "") {
      layout.annotations.push({
        text: plain4plotly(group.title), showarrow: false, xref: `x${suffix} domain`, yref: `y${suffix} domain`,
        x: 0.5, y: 1.02, yanchor: "bottom",
      });
    }
  });
  drawPlot(app, plotly, frame, traces, layout, selecting(app));
}

/**
 * Selecting in the plot selects in the table; a click opens the point.
 * @param {App} app
 * @returns {Record<string, (event: any) => void>}
 */
function selecting(app) {
  // plotly says once more, while it draws anew, that its frame of the selection is gone.
  const select = (/** @type {Set<number>} */ selected) => {
    if (!app.kept.has("drawing")) app.look({ selected, only: selected.size > 0 });
  };
  return {
    plotly_selected: (event) => {
      if (event !== undefined) select(new Set(event.points.map((/** @type {any} */ point) => point.customdata)));
    },
    plotly_deselect: () => select(new Set()),
    plotly_click: (event) => {
      const position = event.points[0]?.customdata;
      if (typeof position === "number") app.look({ tab: "point", point: idOf(app.points, position) });
    },
  };
}

/**
 * Categories in their natural order; numbers need none.
 * @param {Axis} axis
 * @param {number[]} positions
 */
function categories(axis, positions) {
  if (axis.numeric) return {};
  const names = namesOf(axis);
  const levels = levelsOf(axis.cells, positions, 200) || [];
  return { type: "category", categoryorder: "array", categoryarray: levels.map(({ text }) => names.get(text)) };
}

/**
 * @typedef {object} Marks points that have one kind of mark
 * @property {string} name
 * @property {number[]} positions
 * @property {any} marker
 */

/**
 * The points of a facet by their mark. What a colour means is the same in all facets.
 * @param {number[]} positions
 * @param {number[]} there those of all facets
 * @param {Axis | undefined} by
 * @param {{text: string, cell: Cell}[] | null} levels of `by`; null: there are too many
 * @param {boolean} first of the facets: it brings the colour bar
 * @returns {Marks[]}
 */
function marksOf(positions, there, by, levels, first) {
  if (by === undefined) return [{ name: "", positions, marker: { color: colour("--accent") } }];
  if (levels === null) return [{ name: by.label, positions, marker: continuous(by, positions, there, first) }];
  const all = levelsOf(by.cells, by.cells.keys(), HUES.length) || levels;
  const groups = levels.map(({ text, cell }) => {
    const at = all.findIndex((level) => level.text === text) % HUES.length;
    const own = positions.filter((position) => levelText(by.cells[position]) === text);
    return { name: textOf(cell), positions: own, marker: { color: HUES[at], symbol: MARKS[at] } };
  });
  return groups.filter((group) => group.positions.length > 0);
}

/**
 * @param {App} app
 * @param {Marks[]} marks
 * @param {Axis} x
 * @param {Axis} y
 * @param {number} total of the points in the plot
 * @returns {any[]}
 */
function scatterTraces(app, marks, x, y, total) {
  const some = app.view.selected.size > 0;
  return marks.map((group) => ({
    type: "scatter",
    mode: "markers",
    name: plain4plotly(group.name),
    legendgroup: group.name,
    x: group.positions.map((position) => plotValue(x, position)),
    y: group.positions.map((position) => plotValue(y, position)),
    customdata: group.positions,
    text: group.positions.map((position) => plain4plotly(idOf(app.points, position))),
    hovertemplate: `%{text}<br>%{xaxis.title.text} %{x}<br>%{yaxis.title.text} %{y}<extra></extra>`,
    marker: { size: total > 2000 ? 5 : 8, line: { width: 0 }, opacity: 0.85, ...group.marker },
    selectedpoints: some
      ? group.positions.flatMap((position, at) => (app.view.selected.has(position) ? [at] : []))
      : undefined,
    unselected: { marker: { opacity: 0.15 } },
  }));
}

/**
 * @param {Axis} axis
 * @param {number} position
 * @returns {number | string | null} null where there is nothing to plot
 */
function plotValue(axis, position) {
  const cell = axis.cells[position];
  if (axis.numeric) return typeof cell === "number" ? cell : null;
  return cell === null ? null : namesOf(axis).get(levelText(cell)) ?? null;
}

/**
 * Colours along a scale that reads the same in grey.
 * @param {Axis} by
 * @param {number[]} positions
 * @param {number[]} there those of all facets
 * @param {boolean} first
 */
function continuous(by, positions, there, first) {
  const levels = by.numeric ? null : levelsOf(by.cells, there, Infinity);
  const places = new Map((levels || []).map(({ text }, at) => [text, at]));
  const [least, most] = by.numeric ? extentOf(by.cells) : [0, places.size - 1];
  return {
    color: positions.map((position) => by.numeric ? plotValue(by, position) : places.get(levelText(by.cells[position]))),
    colorscale: "Viridis",
    cmin: least,
    cmax: most,
    showscale: first && by.numeric,
    colorbar: { title: { text: plain4plotly(by.label) }, thickness: 12, outlinewidth: 0 },
  };
}
