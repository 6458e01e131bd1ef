// One point: its values, its neighbours along each axis, its notebook.

/**
 * @param {App} app
 * @param {HTMLElement} place
 */
function showPoint(app, place) {
  const { points, view } = app;
  // Of a sweep of one point there is no other to look at.
  const position = view.point === "" && points.total === 1 ? 0 : points.places.get(view.point);
  if (position === undefined) {
    app.kept.delete("point");
    place.replaceChildren(el("p", { class: "note" }, "There is no point of this name in the report."));
    return;
  }
  const order = app.inOrder(true);
  const rank = order.indexOf(position);
  const [before, after] = rank < 0 ? [] : [order[rank - 1], order[rank + 1]];
  const key = JSON.stringify([position, before, after, points.columns.map(({ cells }) => cells[position])]);
  if (app.kept.get("point") === key) return;
  app.kept.set("point", key);
  const state = String(fixedCell(points, "state", position));
  const page = pageOf(points, position);
  const error = fixedCell(points, "error", position);
  place.replaceChildren(
    el(
      "div",
      { class: "point-head" },
      el("h3", {}, bdi(idOf(points, position))),
      el("span", { class: `state state-${state}` }, state),
      fixedCell(points, "reused", position) === true ? el("span", { class: "reused", title: REUSED }, "reused") : "",
      ...pointLinks(app, position, before, after),
    ),
    error === null ? "" : el("p", { class: "point-error" }, bdi(fullText(error))),
    el("div", { class: "point-values" }, neighbours(app, position), valuesTable(app, position)),
    command(app, position, state),
    page === "notebook.html" || points.pictures.size > 0 || NOT_OVER.includes(state)
      ? ""
      : el("p", { class: "note" }, "It left no page: the log, if it has one, says more."),
    outputsOf(points, position),
  );
}

/**
 * @param {App} app
 * @param {number} position
 * @param {number | undefined} before the one above it in the table
 * @param {number | undefined} after
 * @returns {Node[]}
 */
function pointLinks(app, position, before, after) {
  const files = Number(fixedCell(app.points, "files", position));
  const at = (/** @type {string} */ file) => addressOf(app.points, position, file);
  const links = [];
  if (files & BIT.page) links.push(anchor("executed notebook", at("notebook.html")));
  if (files & BIT.notebook) links.push(anchor(".ipynb", at("executed.ipynb")));
  if (files & BIT.log) links.push(anchor("log", at("output.log")));
  const place = el("span", { class: "links" }, ...links);
  if (app.points.total === 1) return [place];
  const step = (/** @type {number | undefined} */ to, /** @type {string} */ text) => {
    const made = button(text, () => to !== undefined && goToPoint(app, to));
    made.disabled = to === undefined;
    return made;
  };
  return [place, step(before, "← in the table"), step(after, "in the table →")];
}

/**
 * @param {App} app
 * @param {number} position
 */
function goToPoint(app, position) {
  app.look({ tab: "point", point: idOf(app.points, position) });
}

/**
 * The parameters, each with a step to the next lower and higher value, all others equal.
 * @param {App} app
 * @param {number} position
 * @returns {HTMLElement}
 */
function neighbours(app, position) {
  const { points } = app;
  const table = el("table", { class: "plain" }, el("caption", {}, "Parameters"));
  for (const column of points.columns.filter(({ section }) => section === "params")) {
    const cell = column.cells[position];
    if (cell === null) continue;
    const row = el("tr", {}, el("th", { scope: "row" }, bdi(column.name)), el("td", {}, bdi(fullText(cell))));
    const steps = el("td", { class: "steps" });
    if (!column.constant && points.total > 1) {
      for (const [by, sign] of /** @type {[number, string][]} */ ([[-1, "‹"], [1, "›"]])) {
        const to = neighbour(points, position, column, by);
        const label = to === null ? "" : `${column.name} = ${textOf(column.cells[to])}`;
        const made = button(sign, () => to !== null && goToPoint(app, to), {
          "aria-label": to === null ? `no ${by < 0 ? "lower" : "higher"} ${column.name}` : `to ${label}`,
          title: label,
        });
        made.disabled = to === null;
        steps.append(made);
      }
    }
    row.append(steps);
    table.append(row);
  }
  return table;
}

/**
 * The point next to this one along one axis, if there is one.
 * @param {Points} points
 * @param {number} position
 * @param {Column} axis
 * @param {number} by -1 or 1
 * @returns {number | null}
 */
function neighbour(points, position, axis, by) {
  const others = varyingParams(points).filter((column) => column !== axis);
  const here = axis.cells[position];
  /** @type {number | null} */
  let best = null;
  for (let at = 0; at < points.total; at++) {
    const cell = axis.cells[at];
    if (cell === null || here === null) continue;
    if (Math.sign(compareCells(cell, here)) !== by) continue;
    if (!others.every(({ cells }) => fullText(cells[at]) === fullText(cells[position]))) continue;
    const known = best === null ? null : axis.cells[best];
    if (known === null || by * compareCells(cell, known) < 0) best = at;
  }
  return best;
}

/**
 * @param {App} app
 * @param {number} position
 * @returns {HTMLElement}
 */
function valuesTable(app, position) {
  const { points } = app;
  const table = el("table", { class: "plain" }, el("caption", {}, "Metrics"));
  for (const column of points.columns.filter(({ section }) => section === "metrics")) {
    const cell = column.cells[position];
    if (cell === null) continue;
    table.append(el("tr", {}, el("th", { scope: "row" }, bdi(column.name)), el("td", {}, bdi(fullText(cell)))));
  }
  for (const [name, label, text] of /** @type {[string, string, (cell: Cell) => string][]} */ ([
    ["seconds", "time", durationText],
    ["memory", "memory", megabytes],
    ["host", "host", textOf],
  ])) {
    const cell = fixedCell(points, name, position);
    if (cell !== null) table.append(el("tr", {}, el("th", { scope: "row" }, label), el("td", {}, text(cell))));
  }
  return table;
}

/**
 * What to type to run this point again.
 * @param {App} app
 * @param {number} position
 * @param {string} state
 * @returns {HTMLElement}
 */
function command(app, position, state) {
  const { sweep } = app.points;
  const id = idOf(app.points, position);
  if (NOT_OVER.includes(state)) return typed("To see what it prints: ", ["nbbatch", "logs", "--follow", sweep.sweep, id]);
  const words =
    state === "ok"
      ? ["nbbatch", "run", sweep.notebook, "--grid", `${sweep.sweep}/grid.yaml`, "--out", sweep.sweep, "--point", id, "--force"]
      : ["nbbatch", "resume", sweep.sweep, id, "--failed"];
  return typed("To run it again: ", words);
}

/**
 * @param {string} aim
 * @param {string[]} words
 * @returns {HTMLElement}
 */
function typed(aim, words) {
  return el("p", { class: "note" }, aim, el("code", {}, bdi(words.map(quoted).join(" "))));
}

/**
 * A word as a shell takes it.
 * @param {string} word
 * @returns {string}
 */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`;
}

/**
 * What the notebook drew and printed. Its page itself is one click away and not in a frame:
 * a sandboxed frame may not load the page's style sheet from file://.
 * @param {Points} points
 * @param {number} position
 * @returns {HTMLElement}
 */
function outputsOf(points, position) {
  const place = el("section", { class: "outputs" });
  const drawn = el("div", { class: "drawn" });
  place.append(drawn);
  for (const [stem, { file }] of figuresOf(points, position)) {
    const picture = el("img", { src: file, alt: `Figure of ${figureName(stem)}` });
    drawn.append(el("figure", { class: "single" }, el("a", { href: file }, picture), el("figcaption", {}, figureName(stem))));
  }
  if (!hasOutputs(points, position)) return place;
  textsOf(points, position).then(
    (texts) => {
      for (const [cell, text] of texts) {
        if (text !== "") place.append(el("h4", {}, `Cell ${cell}`), el("pre", { tabindex: 0 }, text));
      }
    },
    () => place.append(el("p", { class: "note" }, "Its text outputs were not kept: its page has them.")),
  );
  return place;
}
