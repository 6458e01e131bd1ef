// A metric over two parameters. Missing, failed and zero differ by pattern and by colour.

/**
 * @typedef {object} HeatCell
 * @property {number[]} values
 * @property {number} failed points that are over and not ok
 * @property {number} open points that are not over
 * @property {number[]} positions
 */

const NOT_OVER = ["pending", "queued", "running", "held", "unknown"];
const MOST_CELLS = 200;

/**
 * @param {App} app
 * @param {any} plotly
 * @param {HTMLElement} frame
 * @param {PlotState} state
 * @param {HTMLElement} note
 */
function drawHeatmap(app, plotly, frame, state, note) {
  const { x, y, value, fold } = /** @type {{x: Axis, y: Axis, value: Axis, fold: string}} */ (state);
  const positions = app.inOrder(true);
  const [across, up] = [levelsOf(x.cells, positions, MOST_CELLS), levelsOf(y.cells, positions, MOST_CELLS)];
  if (across === null || up === null || x === y || across.length === 0) {
    note.textContent =
      x === y
        ? "A heat map needs two different parameters."
        : positions.length === 0
          ? "No points are shown."
          : `${across === null ? x.label : y.label} has more than ${MOST_CELLS} values: a scatter plot shows them better.`;
    inTurn(app, () => plotly.purge(frame));
    return;
  }
  const cells = heatCells(app.points, positions, x, y, value, across, up);
  const several = cells.some((row) => row.some((cell) => cell.values.length > 1));
  const folded = varyingParams(app.points).filter(({ key }) => key !== x.key && key !== y.key);
  const over = folded.map(({ name }) => name).join(", ");
  note.textContent = several
    ? `Colour: ${fold} of ${value.label}${over === "" ? "" : ` over ${over}`}. A click selects a cell's points.`
    : `Colour: ${value.label}, one point a cell. A click selects it.`;
  const z = cells.map((row) => row.map((cell) => folding(cell, fold)));
  const texts = cells.map((row, j) => row.map((cell, i) => heatText(cell, z[j][i], x, y, value, across[i].text, up[j].text)));
  const [right, top] = [across.map(({ text }) => namesOf(x).get(text) || ""), up.map(({ text }) => namesOf(y).get(text) || "")];
  const kinds = cells.map((row, j) => row.map((cell, i) => heatKind(cell, z[j][i])));
  // Where there is little room the note above says it.
  const scale = frame.clientWidth < 600 ? "" : plain4plotly(several ? `${fold} of ${value.label}` : value.label);
  const traces = [
    {
      type: "heatmap", x: right, y: top, z, text: texts, hoverinfo: "text", colorscale: "Viridis", xgap: 1, ygap: 1,
      hoverongaps: false, customdata: cells.map((row) => row.map((cell) => cell.positions)),
      colorbar: { title: { text: scale }, thickness: 12, outlinewidth: 0 },
    },
  ];
  const layout = plotLayout({
    height: Math.max(320, Math.min(760, 140 + 30 * up.length)),
    xaxis: { ...axisStyle(), title: { text: plain4plotly(x.label) }, type: "category", showgrid: false, categoryarray: right },
    yaxis: { ...axisStyle(), title: { text: plain4plotly(y.label) }, type: "category", showgrid: false, categoryarray: top },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    dragmode: false,
  });
  const size = Math.max(5, Math.min(22, 0.5 * Math.min((frame.clientWidth - 200) / across.length, (layout.height - 140) / up.length)));
  traces.push(...heatMarks(kinds, right, top, texts, cells, size));
  drawPlot(app, plotly, frame, traces, layout, {
    plotly_click: (event) => {
      const chosen = event.points[0]?.customdata;
      if (Array.isArray(chosen)) app.look({ selected: new Set(chosen), only: chosen.length > 0 });
    },
  });
}

/**
 * @param {Points} points
 * @param {number[]} positions
 * @param {Axis} x
 * @param {Axis} y
 * @param {Axis} value
 * @param {{text: string}[]} across
 * @param {{text: string}[]} up
 * @returns {HeatCell[][]} rows from the bottom
 */
function heatCells(points, positions, x, y, value, across, up) {
  const [columns, rows] = [across, up].map((levels) => new Map(levels.map(({ text }, at) => [text, at])));
  /** @type {HeatCell[][]} */
  const cells = up.map(() => across.map(() => ({ values: [], failed: 0, open: 0, positions: [] })));
  for (const position of positions) {
    const at = columns.get(levelText(x.cells[position]));
    const row = rows.get(levelText(y.cells[position]));
    if (at === undefined || row === undefined) continue;
    const cell = cells[row][at];
    cell.positions.push(position);
    const number = value.cells[position];
    const state = String(fixedCell(points, "state", position));
    if (typeof number === "number" && (state === "ok" || value.kind === "")) cell.values.push(number);
    else if (NOT_OVER.includes(state)) cell.open++;
    else if (state !== "ok") cell.failed++;
  }
  return cells;
}

/**
 * @param {HeatCell} cell
 * @param {string} fold
 * @returns {number | null}
 */
function folding(cell, fold) {
  const { values } = cell;
  if (fold === "number") return values.length > 0 ? values.length : null;
  if (values.length === 0) return null;
  if (fold === "median") return median(values);
  if (fold === "minimum") return Math.min(...values);
  if (fold === "maximum") return Math.max(...values);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @typedef {"" | "failed" | "open" | "empty" | "missing" | "partly"} HeatKind */

/**
 * @param {HeatCell} cell
 * @param {number | null} z
 * @returns {HeatKind}
 */
function heatKind(cell, z) {
  if (z !== null) return cell.failed > 0 ? "partly" : "";
  if (cell.failed > 0) return "failed";
  if (cell.open > 0) return "open";
  return cell.positions.length > 0 ? "empty" : "missing";
}

/**
 * @param {HeatCell} cell
 * @param {number | null} z
 * @param {Axis} x
 * @param {Axis} y
 * @param {Axis} value
 * @param {string} across
 * @param {string} up
 */
function heatText(cell, z, x, y, value, across, up) {
  const said = [`${x.label} ${across}`, `${y.label} ${up}`].map(plain4plotly);
  if (z !== null) said.push(plain4plotly(`${value.label} ${textOf(z)}`));
  if (cell.positions.length === 0) said.push("no such point");
  else said.push(counted(cell.positions.length, "point"));
  if (cell.failed > 0) said.push(`${cell.failed} not ok`);
  if (cell.open > 0) said.push(`${cell.open} not over`);
  return said.join("<br>");
}

/**
 * A mark for each cell that is not simply a number.
 * @param {HeatKind[][]} kinds
 * @param {string[]} right
 * @param {string[]} top
 * @param {string[][]} texts
 * @param {HeatCell[][]} cells
 * @param {number} size
 * @returns {any[]}
 */
function heatMarks(kinds, right, top, texts, cells, size) {
  const styles = /** @type {[HeatKind, string, string, string][]} */ ([
    ["failed", "not ok", "x-thin-open", "--bad"],
    ["partly", "in part not ok", "x", "--bad"],
    ["open", "not over", "circle-open", "--accent"],
    ["empty", "without a value", "line-ew-open", "--idle"],
    ["missing", "no such point", "line-ne-open", "--idle"],
  ]);
  return styles.flatMap(([kind, name, symbol, hue]) => {
    /** @type {[number, number][]} */
    const at = [];
    kinds.forEach((row, j) => row.forEach((own, i) => own === kind && at.push([j, i])));
    if (at.length === 0) return [];
    return [{
      type: "scatter", mode: "markers", name, hoverinfo: "text",
      x: at.map(([, i]) => right[i]),
      y: at.map(([j]) => top[j]),
      text: at.map(([j, i]) => texts[j][i]),
      customdata: at.map(([j, i]) => cells[j][i].positions),
      marker: {
        symbol, size: kind === "partly" ? size / 2 : size, color: colour(hue), line: kind === "partly" ? { width: 1, color: "#ffffff" } : { width: 2, color: colour(hue) },
      },
    }];
  });
}
