// When each point ran, and where; how long it waited before, and its files travelled.

const GUTTER = 8;
const AXIS_HEIGHT = 26;

/**
 * @typedef {object} Bar
 * @property {number} position
 * @property {number} start seconds after the sweep's creation
 * @property {number} end
 * @property {number} sent seconds for which its files travelled to the node, before the start
 * @property {number} fetched the same back, after the end
 * @property {number} lane counted from the top
 */

/**
 * @param {Points} points
 * @returns {boolean}
 */
function hasTimes(points) {
  return (points.fixed.get("started")?.cells || []).some((cell) => cell !== null);
}

/**
 * @param {App} app
 * @param {HTMLElement} place
 */
function showTimeline(app, place) {
  const { points, found } = app;
  const hosts = hostBars(points, found);
  if (hosts.size === 0) {
    place.replaceChildren(el("p", { class: "note" }, "None of the points shown has begun."));
    return;
  }
  const canvas = el("canvas", { class: "timeline", role: "img" });
  canvas.setAttribute("aria-label", `When ${found.length} points ran; the table below sums it up by host`);
  const label = el("p", { class: "note", role: "status" }, "Point at a bar to see which point it is; a click opens it.");
  const legend = el("p", { class: "note legend" });
  place.replaceChildren(label, legend, canvas, hostTable(points, hosts), ...histograms(points, found));
  drawTimeline(app, canvas, hosts, label, legend);
}

/**
 * The bars of each host, stacked so that none covers another.
 * @param {Points} points
 * @param {number[]} found
 * @returns {Map<string, Bar[]>}
 */
function hostBars(points, found) {
  const { now } = points;
  /** @type {Map<string, Bar[]>} */
  const hosts = new Map();
  for (const position of found) {
    const start = fixedCell(points, "started", position);
    if (typeof start !== "number") continue;
    const seconds = fixedCell(points, "seconds", position);
    const host = textOf(fixedCell(points, "host", position));
    const end = typeof seconds === "number" ? start + seconds : Math.max(start, now);
    const sent = Number(fixedCell(points, "sent", position) || 0);
    const fetched = Number(fixedCell(points, "fetched", position) || 0);
    const bars = hosts.get(host) || [];
    bars.push({ position, start, end, sent, fetched, lane: 0 });
    hosts.set(host, bars);
  }
  let lane = 0;
  for (const [, bars] of [...hosts].sort((a, b) => collator.compare(a[0], b[0]))) {
    bars.sort((a, b) => a.start - a.sent - (b.start - b.sent));
    /** @type {number[]} */
    const free = []; // when each lane is free again
    for (const bar of bars) {
      // Clocks are read a little before and after: half a second may overlap. And transfers are
      // told in whole seconds.
      const slack = bar.sent > 0 ? 1.5 : 0.5;
      let at = free.findIndex((since) => since <= bar.start - bar.sent + slack);
      if (at < 0) at = free.push(0) - 1;
      free[at] = bar.end + bar.fetched;
      bar.lane = lane + at;
    }
    lane += free.length;
  }
  return new Map([...hosts].sort((a, b) => collator.compare(a[0], b[0])));
}

/**
 * @param {App} app
 * @param {HTMLCanvasElement} canvas
 * @param {Map<string, Bar[]>} hosts
 * @param {HTMLElement} label
 * @param {HTMLElement} legend
 */
function drawTimeline(app, canvas, hosts, label, legend) {
  const bars = [...hosts.values()].flat();
  const lanes = Math.max(...bars.map(({ lane }) => lane)) + 1;
  const height = Math.max(1, Math.min(18, 720 / lanes));
  const submitted = /** @type {number[]} */ (app.points.sweep.submitted || []);
  const first = bars.reduce((least, { start }) => Math.min(least, waitedFrom(submitted, start)), Infinity);
  const last = bars.reduce((most, { end, fetched }) => Math.max(most, end + fetched), -Infinity);
  const width = Math.max(200, canvas.parentElement?.clientWidth || 600);
  const scale = (width - 2 * GUTTER) / Math.max(last - first, 1e-3);
  const x = (/** @type {number} */ seconds) => GUTTER + (seconds - first) * scale;
  const head = 16; // a host's name stands above its lanes
  const hostOf = new Map();
  [...hosts.values()].forEach((own, at) => own.forEach((bar) => hostOf.set(bar, at)));
  const y = (/** @type {Bar} */ bar) => AXIS_HEIGHT + (hostOf.get(bar) + 1) * head + bar.lane * height;
  const total = AXIS_HEIGHT + hosts.size * head + lanes * height + 4;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = total * ratio;
  canvas.style.height = `${total}px`;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.scale(ratio, ratio);
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  drawAxis(pen, first, last, x, total);
  const tall = Math.max(height - 1, 1);
  /** @type {Set<Kind>} */
  const kinds = new Set();
  const brush = painter(pen);
  const paint = (/** @type {Kind} */ kind, /** @type {Bar} */ bar, /** @type {number} */ since, /** @type {number} */ until) => {
    brush(kind, x(since), y(bar), Math.max(x(until) - x(since), 1), tall);
    kinds.add(kind);
  };
  if (height > 4) {
    // The time in the queue, as far as no earlier bar of the lane is there.
    const taken = new Array(lanes).fill(first);
    for (const bar of bars) {
      const since = Math.max(taken[bar.lane], waitedFrom(submitted, bar.start));
      if (since < bar.start - bar.sent) paint("queue", bar, since, bar.start - bar.sent);
      taken[bar.lane] = bar.end + bar.fetched;
    }
  }
  for (const bar of bars) {
    if (bar.sent > 0) paint("transfer", bar, Math.max(first, bar.start - bar.sent), bar.start);
    if (bar.fetched > 0) paint("transfer", bar, bar.end, bar.end + bar.fetched);
  }
  for (const bar of bars) {
    const state = String(fixedCell(app.points, "state", bar.position));
    paint(state === "ok" || state === "running" ? state : "not ok", bar, bar.start, bar.end);
  }
  legend.replaceChildren(...legendOf(kinds));
  pen.fillStyle = colour("--muted");
  for (const [host, own] of hosts) pen.fillText(host, GUTTER, y(own[0]) - own[0].lane * height + lanesBefore(own) * height - 4);
  const under = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    return bars.find(
      (bar) =>
        top >= y(bar) && top < y(bar) + height && left >= x(bar.start - bar.sent) - 1 &&
        left <= Math.max(x(bar.end + bar.fetched), x(bar.start) + 1) + 1,
    );
  };
  canvas.addEventListener("mousemove", (event) => {
    const bar = under(event);
    canvas.style.cursor = bar === undefined ? "" : "pointer";
    if (bar === undefined) return;
    const told = [String(fixedCell(app.points, "state", bar.position)), `waited ${durationText(waitOf(submitted, bar))}`];
    if (bar.sent > 0) told.push(`files to the node ${durationText(bar.sent)}`);
    told.push(`ran ${durationText(bar.end - bar.start)}`);
    if (bar.fetched > 0) told.push(`files back ${durationText(bar.fetched)}`);
    label.replaceChildren(bdi(idOf(app.points, bar.position)), `: ${told.join(", ")}`);
  });
  canvas.addEventListener("click", (event) => {
    const bar = under(event);
    if (bar !== undefined) app.look({ tab: "point", point: idOf(app.points, bar.position) });
  });
}

/** @param {Bar[]} bars */
function lanesBefore(bars) {
  return bars.reduce((least, { lane }) => Math.min(least, lane), Infinity);
}

/**
 * When a point that began then had been submitted: the last submission before.
 * @param {number[]} submitted
 * @param {number} start
 * @returns {number}
 */
function waitedFrom(submitted, start) {
  return submitted.reduce((best, at) => (at <= start && at > best ? at : best), Math.min(0, start));
}

/**
 * How long a point was in the queue, its files' way to the node apart.
 * @param {number[]} submitted
 * @param {Bar} bar
 */
function waitOf(submitted, bar) {
  return Math.max(0, bar.start - bar.sent - waitedFrom(submitted, bar.start));
}

/** @typedef {"queue" | "transfer" | "ok" | "not ok" | "running"} Kind */

/** @type {[Kind, string][]} */
const LEGEND = [
  ["queue", "in the queue"],
  ["transfer", "files on their way"],
  ["ok", "ran, ok"],
  ["not ok", "ran, not ok"],
  ["running", "running"],
];

/**
 * What paints a kind of time into a box; they are told apart by form as well as by colour.
 * @param {CanvasRenderingContext2D} pen
 * @returns {(kind: Kind, x: number, y: number, width: number, height: number) => void}
 */
function painter(pen) {
  const stripes = stripesOf(pen);
  const muted = colour("--muted");
  const hues = { queue: muted, transfer: muted, ok: colour("--ok"), "not ok": colour("--bad"), running: colour("--accent") };
  return (kind, x, y, width, height) => {
    if (kind === "queue") {
      pen.strokeStyle = hues[kind];
      pen.lineWidth = 1;
      pen.setLineDash([1, 3]);
      pen.beginPath();
      pen.moveTo(x, Math.round(y + height / 2) + 0.5);
      pen.lineTo(x + width, Math.round(y + height / 2) + 0.5);
      pen.stroke();
      pen.setLineDash([]);
      return;
    }
    const tall = kind === "transfer" ? Math.max(1, Math.round(height / 3)) : height;
    const top = y + (height - tall) / 2;
    pen.fillStyle = hues[kind];
    pen.fillRect(x, top, width, tall);
    if (kind === "not ok" && stripes !== null) {
      pen.fillStyle = stripes;
      pen.fillRect(x, top, width, tall);
    }
  };
}

/**
 * @param {Set<Kind>} kinds those that are there
 * @returns {HTMLElement[]}
 */
function legendOf(kinds) {
  return LEGEND.filter(([kind]) => kinds.has(kind)).map(([kind, words]) => {
    const ratio = window.devicePixelRatio || 1;
    const swatch = el("canvas", { width: 22 * ratio, height: 12 * ratio });
    Object.assign(swatch.style, { width: "22px", height: "12px", marginRight: "0.4em", verticalAlign: "-1px" });
    const pen = /** @type {CanvasRenderingContext2D} */ (swatch.getContext("2d"));
    pen.scale(ratio, ratio);
    painter(pen)(kind, 0, 0, 22, 12);
    const item = el("span", {}, swatch, words);
    Object.assign(item.style, { display: "inline-block", marginRight: "1.2em" });
    return item;
  });
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} first
 * @param {number} last
 * @param {(seconds: number) => number} x
 * @param {number} height
 */
function drawAxis(pen, first, last, x, height) {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800];
  const step = steps.find((size) => (last - first) / size <= 9) || 604800;
  pen.strokeStyle = colour("--line");
  pen.fillStyle = colour("--muted");
  pen.lineWidth = 1;
  let free = -Infinity; // where the text before ends: on a narrow screen not each has room
  for (let at = 0; at <= last - first; at += step) {
    const place = Math.round(x(first + at)) + 0.5;
    pen.beginPath();
    pen.moveTo(place, AXIS_HEIGHT - 6);
    pen.lineTo(place, height);
    pen.stroke();
    const text = at === 0 ? "submitted" : durationText(at).replace(" min 00 s", " min").replace(".0 s", " s").replace(" h 00 min", " h");
    const width = pen.measureText(text).width;
    const left = at === 0 ? place - 1 : place - width / 2;
    if (left < free) continue;
    pen.fillText(text, left, AXIS_HEIGHT - 11);
    free = left + width + 8;
  }
}

/**
 * What is not ok has stripes, beside its colour.
 * @param {CanvasRenderingContext2D} pen
 * @returns {CanvasPattern | null}
 */
function stripesOf(pen) {
  const tile = el("canvas", { width: 6, height: 6 });
  const small = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  small.strokeStyle = colour("--surface");
  small.lineWidth = 1.5;
  for (const from of [-3, 3, 9]) {
    small.moveTo(from - 3, 6);
    small.lineTo(from + 3, 0);
  }
  small.stroke();
  return pen.createPattern(tile, "repeat");
}

/**
 * @param {Points} points
 * @param {Map<string, Bar[]>} hosts
 * @returns {HTMLElement}
 */
function hostTable(points, hosts) {
  const submitted = /** @type {number[]} */ (points.sweep.submitted || []);
  const head = el("tr");
  const all = [...hosts.values()].flat();
  // Of a job with several points only the first and the last know of its files.
  const ways = /** @type {["sent" | "fetched", string][]} */ ([
    ["sent", "Files to the node (median)"],
    ["fetched", "Files back (median)"],
  ]).filter(([way]) => all.some((bar) => bar[way] > 0));
  const titles = ["Host", "Points", "Not ok", "Waited (median)", "Ran (median)", "Ran (longest)"];
  for (const text of [...titles, ...ways.map(([, title]) => title)]) head.append(el("th", { scope: "col" }, text));
  const body = el("tbody");
  for (const [host, bars] of hosts) {
    const wrong = bars.filter(({ position }) => !["ok", "running"].includes(String(fixedCell(points, "state", position))));
    const waits = bars.map((bar) => waitOf(submitted, bar));
    const runs = bars.map(({ start, end }) => end - start);
    const row = el("tr", {}, el("th", { scope: "row" }, bdi(host)));
    for (const text of [
      bars.length.toLocaleString("en"),
      wrong.length.toLocaleString("en"),
      durationText(median(waits)),
      durationText(median(runs)),
      durationText(runs.reduce((a, b) => Math.max(a, b), 0)),
      ...ways.map(([way]) => {
        const times = bars.map((bar) => bar[way]).filter((seconds) => seconds > 0);
        return times.length === 0 ? ABSENT : durationText(median(times));
      }),
    ]) {
      row.append(el("td", { class: "numeric" }, text));
    }
    body.append(row);
  }
  const table = el("table", { class: "plain" }, el("thead", {}, head), body);
  // On a narrow screen it is pushed sideways, rather than words broken into letters.
  for (const cell of table.querySelectorAll("th")) cell.style.overflowWrap = "normal";
  const frame = el("div", { role: "region", "aria-label": "Hosts", tabindex: "0" }, table);
  frame.style.overflowX = "auto";
  return frame;
}

/** @param {number[]} values */
function median(values) {
  const ordered = [...values].sort((a, b) => a - b);
  const half = ordered.length >> 1;
  return ordered.length % 2 === 1 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
}
