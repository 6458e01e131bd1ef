// Parallel coordinates: a line for each point. Drawn here and not by plotly, whose own
// compile shaders with `Function`, which this page's policy refuses, and need WebGL.

const PARALLEL_HEIGHT = 420;
const PARALLEL_MARGIN = { top: 48, bottom: 28, side: 60 };
const MOST_AXES = 14;

/**
 * @typedef {object} Rail a vertical axis
 * @property {Axis} axis
 * @property {number} x
 * @property {(position: number) => number | null} y
 * @property {(y: number) => number} at number at a height
 * @property {{text: string, y: number}[]} ticks
 */

/**
 * @param {App} app
 * @param {HTMLElement} frame
 * @param {PlotState} state
 * @param {HTMLElement} note
 */
function drawParallel(app, frame, state, note) {
  const value = /** @type {Axis} */ (state.value);
  const chosen = [
    ...state.axes.filter(({ kind }) => kind === "parameter"),
    ...state.axes.filter(({ kind, key }) => kind === "metric" && key !== value.key),
  ].slice(0, MOST_AXES - 1);
  const axes = chosen.some(({ key }) => key === value.key) ? chosen : [...chosen, value];
  const positions = app.inOrder(true);
  const canvas = el("canvas", { role: "img", class: "parallel" });
  canvas.setAttribute("aria-label", `${counted(positions.length, "point")} as lines across ${axes.length} axes`);
  frame.replaceChildren(canvas);
  note.textContent =
    `Colour: ${value.label}. Drag along an axis of numbers to keep only what passes there, click it to keep all again; ` +
    "the same limits are under Filters.";
  const width = Math.max(frame.clientWidth, axes.length * 64);
  const rails = railsOf(axes, app.points, width);
  paintParallel(app, canvas, rails, positions, value, width);
  brush(app, canvas, rails);
}

/**
 * @param {Axis[]} axes
 * @param {Points} points
 * @param {number} width
 * @returns {Rail[]}
 */
function railsOf(axes, points, width) {
  const { top, bottom, side } = PARALLEL_MARGIN;
  const [low, high] = [PARALLEL_HEIGHT - bottom, top];
  const step = axes.length > 1 ? (width - 2 * side) / (axes.length - 1) : 0;
  return axes.map((axis, at) => {
    const levels = levelsOf(axis.cells, Array(points.total).keys(), axis.numeric ? 6 : 200);
    const places = new Map((levels || []).map(({ text }, place) => [text, place]));
    let [least, most] = axis.numeric ? extentOf(axis.cells) : [0, Math.max(places.size - 1, 1)];
    if (least === most) [least, most] = [least - 1, most + 1];
    const height = (/** @type {number} */ number) => low + ((number - least) / (most - least)) * (high - low);
    const own = (/** @type {Cell} */ cell) => (axis.numeric ? cell : places.get(levelText(cell)));
    const marked = (levels || []).filter(({ cell }) => (axis.numeric ? typeof cell === "number" : cell !== null)).slice(0, 20);
    return {
      axis,
      x: side + at * step,
      y: (position) => {
        const number = own(axis.cells[position]);
        return typeof number === "number" ? height(number) : null;
      },
      at: (y) => least + ((y - low) / (high - low)) * (most - least),
      ticks: levels === null
        ? [least, (least + most) / 2, most].map((number) => ({ text: String(rounded(number, most - least)), y: height(number) }))
        : marked.map(({ text, cell }) => ({ text: textOf(cell), y: height(Number(axis.numeric ? cell : places.get(text))) })),
    };
  });
}

/**
 * @param {App} app
 * @param {HTMLCanvasElement} canvas
 * @param {Rail[]} rails
 * @param {number[]} positions
 * @param {Axis} value
 * @param {number} width
 */
function paintParallel(app, canvas, rails, positions, value, width) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = PARALLEL_HEIGHT * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${PARALLEL_HEIGHT}px`;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.scale(ratio, ratio);
  const [least, most] = extentOf(value.cells);
  const { selected } = app.view;
  pen.lineWidth = positions.length > 1000 ? 0.6 : 1.2;
  // Points that are not selected first: the others lie on top.
  for (const front of selected.size > 0 ? [false, true] : [true]) {
    pen.globalAlpha = front ? Math.max(0.15, Math.min(0.8, 300 / positions.length)) : 0.06;
    for (const position of positions) {
      if (selected.size > 0 && selected.has(position) !== front) continue;
      const cell = value.cells[position];
      pen.strokeStyle = typeof cell === "number" ? viridis((cell - least) / (most - least || 1)) : colour("--idle");
      pen.setLineDash(typeof cell === "number" ? [] : [3, 3]);
      pen.beginPath();
      let drawing = false;
      for (const rail of rails) {
        const y = rail.y(position);
        if (y === null) drawing = false;
        else if (drawing) pen.lineTo(rail.x, y);
        else pen.moveTo(rail.x, y);
        drawing = y !== null;
      }
      pen.stroke();
    }
  }
  pen.globalAlpha = 1;
  pen.setLineDash([]);
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  for (const rail of rails) paintRail(pen, rail, app.view.between.get(rail.axis.key));
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Rail} rail
 * @param {[number | null, number | null] | undefined} limits
 */
function paintRail(pen, rail, limits) {
  const { top, bottom } = PARALLEL_MARGIN;
  pen.strokeStyle = colour("--control-line");
  pen.lineWidth = 1;
  pen.strokeRect(rail.x - 0.5, top, 1, PARALLEL_HEIGHT - top - bottom);
  pen.textAlign = "center";
  pen.fillStyle = colour("--text");
  pen.fillText(shortText(rail.axis.label, 12), rail.x, 20);
  pen.textAlign = "left";
  for (const { text, y } of rail.ticks) {
    pen.strokeStyle = colour("--surface");
    pen.lineWidth = 3;
    pen.strokeText(shortText(text, 9), rail.x + 6, y + 4);
    pen.fillStyle = colour("--text");
    pen.fillText(shortText(text, 9), rail.x + 6, y + 4);
  }
  if (limits === undefined) return;
  const low = PARALLEL_HEIGHT - bottom;
  const height = (/** @type {number | null} */ limit, /** @type {number} */ end) => {
    if (limit === null) return end;
    const span = rail.at(top) - rail.at(low);
    return Math.max(top, Math.min(low, low + ((limit - rail.at(low)) / span) * (top - low)));
  };
  const [from, to] = [height(limits[0], low), height(limits[1], top)];
  pen.fillStyle = colour("--accent");
  pen.globalAlpha = 0.35;
  pen.fillRect(rail.x - 6, to, 12, Math.max(from - to, 2));
  pen.globalAlpha = 1;
}

/**
 * Dragging along an axis of numbers sets its limits; a click takes them away.
 * @param {App} app
 * @param {HTMLCanvasElement} canvas
 * @param {Rail[]} rails
 */
function brush(app, canvas, rails) {
  /** @type {{rail: Rail, y: number} | null} */
  let from = null;
  const place = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    const { x, y } = place(event);
    const rail = rails.find((candidate) => Math.abs(candidate.x - x) < 16 && candidate.axis.numeric);
    if (rail === undefined) return;
    from = { rail, y };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const { rail, y } = from;
    from = null;
    const end = place(event).y;
    const between = new Map(app.view.between);
    if (Math.abs(end - y) < 4) between.delete(rail.axis.key);
    else {
      const [least, most] = [rail.at(y), rail.at(end)].sort((a, b) => a - b);
      const span = Math.abs(rail.at(0) - rail.at(PARALLEL_HEIGHT));
      between.set(rail.axis.key, [rounded(least, span), rounded(most, span)]);
    }
    app.look({ between });
  });
}

// Viridis at nine places; between them colours are mixed.
const VIRIDIS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];

/**
 * @param {number} part from 0 to 1
 * @returns {string}
 */
function viridis(part) {
  const at = Math.max(0, Math.min(1, part)) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const [a, b] = [VIRIDIS[low], VIRIDIS[low + 1]].map((hex) => parseInt(hex.slice(1), 16));
  const mixed = [16, 8, 0].map((shift) => {
    const [from, to] = [(a >> shift) & 255, (b >> shift) & 255];
    return Math.round(from + (to - from) * (at - low));
  });
  return `rgb(${mixed.join(" ")})`;
}

/**
 * A number with the digits that matter on an axis: to a thousandth of what it spans, or finer.
 * @param {number} number
 * @param {number} span more than 0
 * @returns {number}
 */
function rounded(number, span) {
  const digits = Math.ceil(Math.log10(1000 / span));
  return Number(digits > 0 && digits <= 100 ? number.toFixed(digits) : number.toPrecision(12));
}

/**
 * @param {string} text
 * @param {number} length
 * @returns {string}
 */
function shortText(text, length) {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
