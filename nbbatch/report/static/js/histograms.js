// What the points took, as histograms.

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
