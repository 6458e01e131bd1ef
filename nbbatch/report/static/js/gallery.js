// One figure of the notebook at all points, as small pictures that load when they are seen.

const AT_ONCE = 120;

/**
 * @param {Points} points
 * @returns {boolean}
 */
function hasFigures(points) {
  return (points.fixed.get("figures")?.cells || []).some((cell) => cell !== null);
}

/**
 * @param {App} app
 * @param {HTMLElement} place
 */
function showGallery(app, place) {
  const { points, view, found } = app;
  const stems = figureStems(points);
  const asked = view.how.get("figure") || "";
  const stem = stems.includes(asked) ? asked : stems[stems.length - 1];
  const params = varyingParams(points);
  const by = params.find(({ key }) => key === view.how.get("by"));
  const controls = el("div", { class: "controls" });
  const figures = stems.map((value) => ({ value, text: figureName(value) }));
  controls.append(chooser("Figure", figures, stem, (value) => app.set("figure", value)));
  const axes = params.map(({ key, name }) => ({ value: key, text: name }));
  controls.append(
    chooser("Order by", [{ value: "", text: "number" }, ...axes], view.sort.replace(/^-/, ""), (value) =>
      app.look({ sort: value })),
    chooser("In groups of", [{ value: "", text: "no parameter" }, ...axes], by ? by.key : "", (value) =>
      app.set("by", value)),
  );
  place.replaceChildren(controls);
  if (by === undefined) {
    place.append(tiles(app, found, stem));
    return;
  }
  for (const { text } of levelsOf(by.cells, found, Infinity) || []) {
    const group = found.filter((position) => levelText(by.cells[position]) === text);
    place.append(
      el("h3", { class: "facet-title" }, bdi(by.name), " = ", bdi(text)),
      tiles(app, group, stem, by),
    );
  }
}

/**
 * @param {Points} points
 * @returns {string[]}
 */
function figureStems(points) {
  /** @type {Set<string>} */
  const stems = new Set();
  for (const { text } of levelsOf(points.fixed.get("figures")?.cells || [], Array(points.total).keys(), Infinity) || []) {
    if (text === ABSENT) continue;
    for (const name of text.split("/")) stems.add(name.split(".")[0]);
  }
  return [...stems].sort((a, b) => collator.compare(a, b));
}

/**
 * @param {App} app
 * @param {number[]} positions
 * @param {string} stem
 * @param {Column} [apart] a parameter that the caption leaves out
 * @returns {HTMLElement}
 */
function tiles(app, positions, stem, apart) {
  const grid = el("div", { class: "tiles" });
  // All pictures of a figure usually have one shape: the first that is there tells it.
  const shape = (/** @type {Event} */ event) => {
    const picture = event.target;
    if (!(picture instanceof HTMLImageElement) || picture.naturalWidth === 0) return;
    grid.style.setProperty("--shape", `${picture.naturalWidth} / ${picture.naturalHeight}`);
    grid.removeEventListener("load", shape, true);
  };
  grid.addEventListener("load", shape, true);
  const params = varyingParams(app.points).filter((column) => column !== apart);
  let shown = 0;
  const more = () => {
    const next = positions.slice(shown, shown + AT_ONCE);
    grid.append(...next.map((position) => tile(app, position, stem, params)));
    shown += next.length;
  };
  more();
  if (shown === positions.length) return grid;
  const rest = button("", () => {
    more();
    label();
  });
  const label = () => {
    rest.textContent = `Show more (${(positions.length - shown).toLocaleString("en")})`;
    rest.hidden = shown === positions.length;
  };
  label();
  // Whoever scrolls down to the button need not press it.
  new IntersectionObserver((seen) => {
    if (seen.some((entry) => entry.isIntersecting) && !rest.hidden) rest.click();
  }).observe(rest);
  return el("div", {}, grid, rest);
}

/**
 * @param {App} app
 * @param {number} position
 * @param {string} stem
 * @param {Column[]} params
 * @returns {HTMLElement}
 */
function tile(app, position, stem, params) {
  const { points, view } = app;
  const figure = figuresOf(points, position).get(stem);
  const state = String(fixedCell(points, "state", position));
  const id = idOf(points, position);
  const values = params
    .filter(({ cells }) => cells[position] !== null)
    .slice(0, 6)
    .map(({ name, cells }) => `${name} ${textOf(cells[position])}`.slice(0, 60));
  const said = values.join(" · ");
  const open = el("a", { href: `#point=${encodeURIComponent(id)}`, title: id });
  open.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    app.look({ tab: "point", point: id }); // keeps the filters
  });
  if (figure === undefined) open.append(el("span", { class: `none state state-${state}` }, state));
  else open.append(el("img", { src: figure.small, loading: "lazy", alt: `${figureName(stem)} at ${said || id}` }));
  const box = el("input", { type: "checkbox", checked: view.selected.has(position), "aria-label": `Select ${id}` });
  box.addEventListener("change", () => {
    const selected = new Set(app.view.selected);
    if (box.checked) selected.add(position);
    else selected.delete(position);
    // Not `look`: the pictures need not be built anew.
    app.view = { ...app.view, selected };
    viewToAddress(app.view, app.points.total);
    byId("only").hidden = selected.size === 0;
    byId("only").textContent = `Only ${selected.size.toLocaleString("en")} selected`;
  });
  return el("figure", {}, open, el("figcaption", {}, box, bdi(said || id)));
}
