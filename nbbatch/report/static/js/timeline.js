// When each point ran, and where; how long it waited before.

const GUTTER = 8;
const AXIS_HEIGHT = 26;

/**
 * @typedef {object} Bar
 * @property {number} position
 * @property {number} start seconds after the sweep's creation
 * @property {number} end
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
  place.replaceChildren(label, canvas, hostTable(points, hosts), ...histograms(points, found));
  drawTimeline(app, canvas, hosts, label);
}

/**
 * The bars of each host, stacked so that none covers another.
 * @param {Points} points
 * @param {number[]} found
 * @returns {Map<string, Bar[]>}
 */
function hostBars(points, found) {
  const now = points.sweep.now ?? 0;
  /** @type {Map<string, Bar[]>} */
  const hosts = new Map();
  for (const position of found) {
    const start = fixedCell(points, "started", position);
    if (typeof start !== "number") continue;
    const seconds = fixedCell(points, "seconds", position);
    const host = textOf(fixedCell(points, "host", position));
    const end = typeof seconds === "number" ? start + seconds : Math.max(start, now);
    const bars = hosts.get(host) || [];
    bars.push({ position, start, end, lane: 0 });
    hosts.set(host, bars);
  }
  let lane = 0;
  for (const [, bars] of [...hosts].sort((a, b) => collator.compare(a[0], b[0]))) {
    bars.sort((a, b) => a.start - b.start);
    /** @type {number[]} */
    const free = []; // when each lane is free again
    for (const bar of bars) {
      // Clocks are read a little before and after: half a second may overlap.
      let at = free.findIndex((since) => since <= bar.start + 0.5);
      if (at < 0) at = free.push(0) - 1;
      free[at] = bar.end;
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
 */
function drawTimeline(app, canvas, hosts, label) {
  const bars = [...hosts.values()].flat();
  const lanes = Math.max(...bars.map(({ lane }) => lane)) + 1;
  const height = Math.max(1, Math.min(18, 720 / lanes));
  const submitted = /** @type {number[]} */ (app.points.sweep.submitted || []);
  const first = bars.reduce((least, { start }) => Math.min(least, waitedFrom(submitted, start)), Infinity);
  const last = bars.reduce((most, { end }) => Math.max(most, end), -Infinity);
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
  const stripes = stripesOf(pen);
  const hues = { ok: colour("--ok"), running: colour("--accent"), other: colour("--bad"), wait: colour("--line") };
  const tall = Math.max(height - 1, 1);
  if (height > 4) {
    // The time in the queue, behind the bars.
    pen.fillStyle = hues.wait;
    for (const bar of bars) {
      const since = x(Math.max(first, waitedFrom(submitted, bar.start)));
      pen.fillRect(since, y(bar) + tall / 2 - 0.5, Math.max(x(bar.start) - since, 0), 1);
    }
  }
  for (const bar of bars) {
    const [from, to, top] = [x(bar.start), Math.max(x(bar.end), x(bar.start) + 1), y(bar)];
    const state = String(fixedCell(app.points, "state", bar.position));
    pen.fillStyle = state === "ok" ? hues.ok : state === "running" ? hues.running : hues.other;
    pen.fillRect(from, top, to - from, tall);
    if (state !== "ok" && state !== "running" && stripes !== null) {
      pen.fillStyle = stripes;
      pen.fillRect(from, top, to - from, tall);
    }
  }
  pen.fillStyle = colour("--muted");
  for (const [host, own] of hosts) pen.fillText(host, GUTTER, y(own[0]) - own[0].lane * height + lanesBefore(own) * height - 4);
  const under = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    return bars.find(
      (bar) => top >= y(bar) && top < y(bar) + height && left >= x(bar.start) - 1 && left <= Math.max(x(bar.end), x(bar.start) + 1) + 1,
    );
  };
  canvas.addEventListener("mousemove", (event) => {
    const bar = under(event);
    canvas.style.cursor = bar === undefined ? "" : "pointer";
    if (bar === undefined) return;
    const waited = bar.start - waitedFrom(submitted, bar.start);
    label.replaceChildren(
      bdi(idOf(app.points, bar.position)),
      `: ${fixedCell(app.points, "state", bar.position)}, waited ${durationText(waited)}, ran ${durationText(bar.end - bar.start)}`,
    );
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
  for (let at = 0; at <= last - first; at += step) {
    const place = Math.round(x(first + at)) + 0.5;
    pen.beginPath();
    pen.moveTo(place, AXIS_HEIGHT - 6);
    pen.lineTo(place, height);
    pen.stroke();
    const text = at === 0 ? "submitted" : durationText(at).replace(" min 00 s", " min").replace(".0 s", " s").replace(" h 00 min", " h");
    pen.fillText(text, at === 0 ? place - 1 : place - pen.measureText(text).width / 2, AXIS_HEIGHT - 11);
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
  for (const text of ["Host", "Points", "Not ok", "Waited (median)", "Ran (median)", "Ran (longest)"]) {
    head.append(el("th", { scope: "col" }, text));
  }
  const body = el("tbody");
  for (const [host, bars] of hosts) {
    const wrong = bars.filter(({ position }) => !["ok", "running"].includes(String(fixedCell(points, "state", position))));
    const waits = bars.map(({ start }) => start - waitedFrom(submitted, start));
    const runs = bars.map(({ start, end }) => end - start);
    const row = el("tr", {}, el("th", { scope: "row" }, bdi(host)));
    for (const text of [
      bars.length.toLocaleString("en"),
      wrong.length.toLocaleString("en"),
      durationText(median(waits)),
      durationText(median(runs)),
      durationText(runs.reduce((a, b) => Math.max(a, b), 0)),
    ]) {
      row.append(el("td", { class: "numeric" }, text));
    }
    body.append(row);
  }
  return el("table", { class: "plain" }, el("thead", {}, head), body);
}

/** @param {number[]} values */
function median(values) {
  const ordered = [...values].sort((a, b) => a - b);
  const half = ordered.length >> 1;
  return ordered.length % 2 === 1 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
}

/**
 * How much time and memory the points took, with a line at what was asked.
 * @param {Points} points
 * @param {number[]} found
 * @returns {HTMLElement[]}
 */
function histograms(points, found) {
  const { asked } = points.sweep;
  const memory = asked?.memory ? asked.memory / 2 ** 20 : null;
  return /** @type {[string, string, number | null, (cell: Cell) => string][]} */ ([
    ["seconds", "Time of a point", asked?.time ?? null, durationText],
    ["memory", "Peak memory of a point", memory, megabytes],
  ]).flatMap(([name, title, limit, text]) => {
    const values = found
      .map((position) => fixedCell(points, name, position))
      .filter((cell) => typeof cell === "number");
    return values.length < 2 ? [] : [histogram(/** @type {number[]} */ (values), title, limit, text)];
  });
}

/**
 * @param {number[]} values
 * @param {string} title
 * @param {number | null} limit
 * @param {(cell: Cell) => string} text
 * @returns {HTMLElement}
 */
function histogram(values, title, limit, text) {
  const most = Math.max(values.reduce((a, b) => Math.max(a, b), 0), limit ?? 0) || 1;
  const bins = new Array(40).fill(0);
  for (const value of values) bins[Math.min(39, Math.floor((40 * value) / most))]++;
  const tallest = Math.max(...bins);
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 400 80");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${title}: from ${text(Math.min(...values))} to ${text(Math.max(...values))}`);
  const box = (/** @type {string} */ kind, /** @type {number} */ x, /** @type {number} */ width, /** @type {number} */ tall) => {
    const rect = document.createElementNS(ns, "rect");
    for (const [name, value] of Object.entries({ class: kind, x, y: 80 - tall, width, height: tall })) {
      rect.setAttribute(name, String(value));
    }
    svg.append(rect);
  };
  bins.forEach((count, at) => count > 0 && box("bin", at * 10 + 0.5, 9, Math.max(2, (76 * count) / tallest)));
  if (limit !== null) box("limit", Math.min(398, (400 * limit) / most - 1), 2, 80);
  const said = limit === null ? "" : ` · asked ${text(limit)}`;
  return el("figure", { class: "histogram" }, el("figcaption", {}, `${title}${said}`), svg,
    el("div", { class: "ends" }, el("span", {}, "0"), el("span", {}, text(most))));
}
