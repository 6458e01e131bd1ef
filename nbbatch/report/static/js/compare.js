// Two points side by side: parameters, metrics, figures, outputs.

/**
 * @param {App} app
 * @param {HTMLElement} place
 */
function showCompare(app, place) {
  const { points } = app;
  const [one, other] = comparedPoints(app);
  const { how } = app.view;
  const cells = points.columns.map((column) => [column.cells[one], column.cells[other]]);
  const key = JSON.stringify([one, other, how.get("figure"), how.get("swipe"), cells]);
  if (app.kept.get("compare") === key) return;
  app.kept.set("compare", key);
  const parts = [comparedHead(app, one, other)];
  if (one !== other) {
    parts.push(
      el("div", { class: "point-values" },
        comparedTable(points, one, other, "params"),
        comparedTable(points, one, other, "metrics")),
      comparedFigures(app, one, other),
      comparedOutputs(points, one, other),
    );
  } else {
    parts.push(el("p", { class: "note" }, "Choose two different points."));
  }
  place.replaceChildren(...parts);
}

/**
 * The pair of the address, or else the first two selected, or else the first two shown.
 * @param {App} app
 * @returns {[number, number]}
 */
function comparedPoints(app) {
  const { points, view, found } = app;
  const usual = [...[...view.selected].sort((a, b) => a - b), ...found, 0, 1];
  const chosen = view.pair.map((id) => points.places.get(id));
  const one = chosen[0] ?? usual.find((position) => position !== chosen[1]) ?? 0;
  return [one, chosen[1] ?? usual.find((position) => position !== one) ?? 0];
}

/**
 * @param {App} app
 * @param {number} one
 * @param {number} other
 * @returns {HTMLElement}
 */
function comparedHead(app, one, other) {
  const { points } = app;
  const list = el("datalist", { id: "point-ids" });
  for (const position of app.found.slice(0, 1000)) list.append(el("option", { value: idOf(points, position) }));
  const ids = /** @type {[string, string]} */ ([idOf(points, one), idOf(points, other)]);
  const input = (/** @type {0 | 1} */ side) => {
    const label = side === 0 ? "Point A" : "Point B";
    const field = el("input", { list: "point-ids", value: ids[side], spellcheck: "false", autocomplete: "off" });
    field.addEventListener("change", () => {
      if (!points.places.has(field.value)) {
        field.setCustomValidity("There is no point of this name.");
        field.reportValidity();
        return;
      }
      ids[side] = field.value;
      app.look({ pair: ids });
    });
    const state = String(fixedCell(points, "state", side === 0 ? one : other));
    return el("label", { class: "choose wide" }, el("span", {}, label), field,
      el("span", { class: `state state-${state}` }, state));
  };
  return el("div", { class: "controls" }, list, input(0), input(1),
    button("Swap", () => app.look({ pair: [ids[1], ids[0]] })));
}

/**
 * @param {Points} points
 * @param {number} one
 * @param {number} other
 * @param {"params" | "metrics"} section
 * @returns {HTMLElement}
 */
function comparedTable(points, one, other, section) {
  const caption = section === "params" ? "Parameters" : "Metrics";
  const head = el("tr", {}, el("th", { scope: "col" }, caption), el("th", { scope: "col" }, "A"), el("th", { scope: "col" }, "B"));
  if (section === "metrics") head.append(el("th", { scope: "col" }, "B − A"));
  const body = el("tbody");
  for (const { name, cells } of points.columns.filter((column) => column.section === section)) {
    const [a, b] = [cells[one], cells[other]];
    if (a === null && b === null) continue;
    const row = el("tr", {}, el("th", { scope: "row" }, bdi(name)), valueCell(a), valueCell(b));
    if (fullText(a) !== fullText(b) || (a === null) !== (b === null)) row.className = "differs";
    if (section === "metrics") row.append(el("td", { class: "numeric" }, changeText(a, b)));
    body.append(row);
  }
  if (body.rows.length === 0) return el("p", { class: "note" }, `Neither of the two has ${caption.toLowerCase()}.`);
  return el("table", { class: `plain compared ${section}` }, el("thead", {}, head), body);
}

/**
 * @param {Cell} cell
 * @returns {HTMLElement}
 */
function valueCell(cell) {
  const numeric = typeof cell === "number";
  return el("td", { class: numeric ? "numeric" : null, title: fullText(cell).slice(0, 300) }, bdi(textOf(cell)));
}

/**
 * The change from a to b, absolute and relative to a.
 * @param {Cell} a
 * @param {Cell} b
 * @returns {string}
 */
function changeText(a, b) {
  if (typeof a !== "number" || typeof b !== "number") return "";
  const change = b - a;
  const sign = change > 0 ? "+" : change < 0 ? "−" : "";
  const size = `${sign}${textOf(Math.abs(change))}`;
  if (a === 0 || change === 0) return size;
  const part = Math.abs((100 * change) / a);
  return `${size} (${sign}${Number(part.toPrecision(2)).toLocaleString("en", { maximumSignificantDigits: 2 })} %)`;
}

/**
 * @param {App} app
 * @param {number} one
 * @param {number} other
 * @returns {HTMLElement}
 */
function comparedFigures(app, one, other) {
  const [a, b] = [figuresOf(app.points, one), figuresOf(app.points, other)];
  const stems = [...new Set([...a.keys(), ...b.keys()])];
  if (stems.length === 0) return el("p", { class: "note" }, "Neither of the two has a figure.");
  const asked = app.view.how.get("figure") || "";
  const stem = stems.includes(asked) ? asked : stems[stems.length - 1];
  const swipe = app.view.how.get("swipe") === "1";
  const [left, right] = [a.get(stem), b.get(stem)];
  const section = el("section", { class: "figures" }, el("h3", {}, "Figures"));
  const options = stems.map((value) => ({ value, text: figureName(value) }));
  const controls = el("div", { class: "controls" });
  if (stems.length > 1) controls.append(chooser("Figure", options, stem, (value) => app.set("figure", value)));
  if (left && right) {
    controls.append(
      button(swipe ? "Side by side" : "One over the other", () => app.set("swipe", swipe ? "" : "1"), { class: "swipe-button" }),
    );
  }
  section.append(controls);
  section.append(left && right && swipe ? swiped(left.file, right.file) : besides(left?.file, right?.file));
  return section;
}

/**
 * @param {string | undefined} left
 * @param {string | undefined} right
 * @returns {HTMLElement}
 */
function besides(left, right) {
  const side = (/** @type {string} */ name, /** @type {string | undefined} */ file) =>
    el("figure", {},
      file === undefined
        ? el("p", { class: "note" }, "no such figure")
        : el("a", { href: file }, el("img", { src: file, alt: `Figure of point ${name}` })),
      el("figcaption", {}, name));
  return el("div", { class: "besides" }, side("A", left), side("B", right));
}

/**
 * B over A, uncovered from the right by a slider.
 * @param {string} left
 * @param {string} right
 * @returns {HTMLElement}
 */
function swiped(left, right) {
  const over = el("img", { src: right, alt: "Figure of point B", class: "over" });
  const slider = el("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": "How much of A is seen" });
  const cut = () => {
    over.style.clipPath = `inset(0 0 0 ${slider.value}%)`;
  };
  slider.addEventListener("input", cut);
  cut();
  const stack = el("div", { class: "stack" }, el("img", { src: left, alt: "Figure of point A" }), over);
  return el("div", { class: "swipe" }, stack, el("div", { class: "swipe-line" }, "A", slider, "B"));
}

/**
 * @param {Points} points
 * @param {number} one
 * @param {number} other
 * @returns {HTMLElement}
 */
function comparedOutputs(points, one, other) {
  const section = el("section", { class: "outputs" }, el("h3", {}, "Outputs"));
  const note = el("p", { class: "note", role: "status" }, "Reading the outputs…");
  section.append(note);
  Promise.all([textsOf(points, one), textsOf(points, other)]).then(
    ([left, right]) => section.replaceChildren(el("h3", {}, "Outputs"), ...differences(left, right)),
    () => note.replaceChildren(
      [one, other].some((position) => NOT_OVER.includes(String(fixedCell(points, "state", position))))
        ? "Outputs can be compared when both points have ended."
        : "The text outputs of one of the two were not kept.",
    ),
  );
  return section;
}

/**
 * What the cells of a point printed: number of the cell → text.
 * @param {Points} points
 * @param {number} position
 * @returns {Promise<Map<number, string>>}
 */
async function textsOf(points, position) {
  const data = /** @type {any[]} */ (/** @type {any} */ (window).nbbatchData);
  const id = idOf(points, position);
  const known = () => data.find((piece) => piece.kind === "cells" && piece.point === id);
  if (!hasOutputs(points, position)) throw new Error(id);
  if (known() === undefined) await loadScript(addressOf(points, position, "figures/cells.js"));
  const found = known();
  if (found === undefined) throw new Error(id);
  return new Map(found.cells.map((/** @type {any} */ { cell, text }) => [cell, text]));
}

/**
 * Whether a worker wrote what the cells of a point printed.
 * @param {Points} points
 * @param {number} position
 */
function hasOutputs(points, position) {
  const data = /** @type {any[]} */ (/** @type {any} */ (window).nbbatchData);
  const id = idOf(points, position);
  return pageOf(points, position) === "notebook.html" || data.some(({ kind, point }) => kind === "cells" && point === id);
}

/**
 * @param {Map<number, string>} left
 * @param {Map<number, string>} right
 * @returns {Node[]}
 */
function differences(left, right) {
  const made = [];
  let same = 0;
  for (const cell of [...new Set([...left.keys(), ...right.keys()])].sort((a, b) => a - b)) {
    const [a, b] = [left.get(cell) || "", right.get(cell) || ""];
    if (a === b) {
      same++;
      continue;
    }
    const block = el("pre", { tabindex: 0, class: "difference" });
    for (const { kind, text } of difference(a, b)) {
      const [tag, sign] = kind === "less" ? ["del", "− "] : kind === "more" ? ["ins", "+ "] : ["span", "  "];
      block.append(el(/** @type {"del"} */ (tag), {}, `${sign}${text}\n`));
    }
    made.push(el("h4", {}, `Cell ${cell}`), block);
  }
  const note = same === 0 ? "" : `${counted(same, "code cell")} put out the same in both.`;
  made.push(el("p", { class: "note" }, made.length === 0 && same > 0 ? "All outputs are the same." : note));
  return made;
}
