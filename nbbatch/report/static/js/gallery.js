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
  const made = ["state", "figures"].map((name) => found.map((position) => fixedCell(points, name, position)));
  const key = JSON.stringify([stem, by?.key, view.sort, found, made]);
  if (app.kept.get("gallery") !== key) {
    app.kept.set("gallery", key);
    buildGallery(app, place, stems, stem, by);
  }
  for (const box of place.querySelectorAll("input")) box.checked = view.selected.has(Number(box.value));
}

/**
 * @param {App} app
 * @param {HTMLElement} place
 * @param {string[]} stems
 * @param {string} stem
 * @param {Column | undefined} by
 */
function buildGallery(app, place, stems, stem, by) {
  const { points, view, found } = app;
  const params = varyingParams(points);
  // News must not take away the pictures that the reader has scrolled to.
  const there = app.renewing ? [...place.querySelectorAll(".tiles")].map((grid) => grid.childElementCount) : [];
  const controls = el("div", { class: "controls" });
  const figures = stems.map((value) => ({ value, text: figureName(value) }));
  controls.append(chooser("Figure", figures, stem, (value) => app.set("figure", value)));
  const axes = params.map(({ key, name }) => ({ value: key, text: name }));
  const sort = view.sort.replace(/^-/, "");
  const order = [{ value: "", text: "number" }, ...axes];
  const other = order.some(({ value }) => value === sort) ? undefined : app.columns.find((column) => column.key === sort);
  if (other !== undefined) order.push({ value: sort, text: other.label });
  controls.append(
    chooser("Order by", order, sort, (value) => app.look({ sort: value })),
    chooser("In groups of", [{ value: "", text: "no parameter" }, ...axes], by ? by.key : "", (value) =>
      app.set("by", value)),
  );
  place.replaceChildren(controls);
  if (by === undefined) {
    place.append(tiles(app, found, stem, there[0]));
    return;
  }
  for (const [at, { text }] of (levelsOf(by.cells, found, Infinity) || []).entries()) {
    const group = found.filter((position) => levelText(by.cells[position]) === text);
    place.append(
      el("h3", { class: "facet-title" }, bdi(by.name), " = ", bdi(text)),
      tiles(app, group, stem, there[at], by),
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
 * @param {number} [least] how many to show at once, if more than usual
 * @param {Column} [apart] a parameter that the caption leaves out
 * @returns {HTMLElement}
 */
function tiles(app, positions, stem, least = 0, apart = undefined) {
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
  const more = (number = AT_ONCE) => {
    const next = positions.slice(shown, shown + number);
    grid.append(...next.map((position) => tile(app, position, stem, params)));
    shown += next.length;
  };
  more(Math.max(least, AT_ONCE));
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
  const { points } = app;
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
  const box = el("input", { type: "checkbox", value: position, checked: app.view.selected.has(position), "aria-label": `Select ${id}` });
  box.addEventListener("change", () => app.select([position], box.checked));
  return el("figure", {}, open, el("figcaption", {}, box, bdi(said || id)));
}
