// Start: read the data, build the controls, keep them and the panels at the view.

/**
 * A tab's content. `show` is called when it is opened and whenever the view changes while it is.
 * @typedef {object} Panel
 * @property {string} label
 * @property {(app: App) => boolean} useful
 * @property {(app: App, place: HTMLElement) => void} show
 */

/** @type {Record<string, Panel>} */
const PANELS = {
  table: { label: "Table", useful: () => true, show: showTable },
  plots: { label: "Plots", useful: (app) => app.points.total > 1, show: showPlots },
  gallery: { label: "Gallery", useful: (app) => hasFigures(app.points), show: showGallery },
  compare: { label: "Compare", useful: (app) => app.points.total > 1, show: showCompare },
  timeline: { label: "Timeline", useful: (app) => hasTimes(app.points), show: showTimeline },
  point: { label: "Point", useful: () => true, show: showPoint },
};

const DRAWN = ["plots", "timeline"];

class App {
  constructor() {
    this.points = gather(/** @type {any} */ (window).nbbatchData || []);
    this.haystacks = haystacksOf(this.points);
    this.view = viewFromAddress(this.points.total);
    this.columns = columnsOf(this.points);
    this.look = this.look.bind(this);
    this.table = new Table(byId("table"), {
      sort: (key) => this.sortBy(key),
      select: (positions, on) => this.select(positions, on),
      open: (position) => this.look({ tab: "point", point: idOf(this.points, position) }),
    });
    this.facets = new Facets(byId("filters"), this.look);
    /** @type {Map<string, HTMLButtonElement>} */
    this.tabs = new Map();
    /** @type {Map<string, HTMLButtonElement>} */
    this.states = new Map();
    /** @type {number[]} shown, in their order */
    this.found = [];
    /** Whatever a panel wants to keep between two calls. @type {Map<string, any>} */
    this.kept = new Map();
    /** The view stays as it is, only the data change. */
    this.renewing = false;
    this.build();
  }

  build() {
    byId("toolbar").hidden = this.points.total === 1;
    const facets = this.facets.build(this.points);
    byId("filter-button").hidden = !facets;
    byId("filters").hidden = !facets || byId("filter-button").getAttribute("aria-expanded") !== "true";
    this.states = stateToggles(this.points, byId("states"), (state) => this.toggleState(state));
    this.tabs = tabsOf(this, byId("tabs"));
    this.kept.delete("columns");
  }

  /** The data have changed: begin again, at the same view. */
  renew() {
    this.points = gather(/** @type {any} */ (window).nbbatchData);
    this.haystacks = haystacksOf(this.points);
    this.columns = columnsOf(this.points);
    this.renewing = true;
    keepingFocus(() => {
      this.build();
      this.refresh();
    });
    this.renewing = false;
  }

  /**
   * Positions shown, in the order of the table.
   * @param {boolean} [all] with those that are not selected
   */
  inOrder(all = false) {
    const found = matching(this.points, this.haystacks, this.view, all);
    const descending = this.view.sort.startsWith("-");
    const key = descending ? this.view.sort.slice(1) : this.view.sort;
    const column = this.columns.find((candidate) => candidate.key === key);
    return column === undefined ? found : sorted(found, column.cells, descending);
  }

  refresh() {
    const { view, points } = this;
    this.found = this.inOrder();
    for (const [state, toggle] of this.states) {
      toggle.setAttribute("aria-pressed", String(view.states.includes(state)));
    }
    this.facets.show(view);
    const number = view.among.size + view.between.size;
    byId("filter-button").textContent = number > 0 ? `Filters (${number})` : "Filters";
    const only = byId("only");
    only.hidden = view.selected.size === 0 && !view.only;
    only.textContent = `Only ${view.selected.size.toLocaleString("en")} selected`;
    only.setAttribute("aria-pressed", String(view.only));
    byId("clear").hidden = !filters(view) && view.selected.size === 0;
    byId("clear").textContent = filters(view) ? "Show all" : "Select none";
    const all = counted(points.total, "point");
    const part = view.failure === "" ? "" : ", one kind of failure";
    byId("shown").textContent =
      this.found.length === points.total ? all : `${this.found.length.toLocaleString("en")} of ${all}${part}`;
    const tab = this.tabs.has(view.tab) ? view.tab : "table";
    for (const [name, toggle] of this.tabs) {
      const on = name === tab;
      toggle.setAttribute("aria-selected", String(on));
      toggle.tabIndex = on ? 0 : -1;
      toggle.hidden = name === "point" && !on && points.total > 1;
      byId(`panel-${name}`).hidden = !on;
    }
    if (this.kept.get("tab") !== tab) {
      this.kept.set("tab", tab);
      intoSight(byId("tabs"), /** @type {HTMLElement} */ (this.tabs.get(tab)));
    }
    keepingFocus(() => PANELS[tab].show(this, byId(`panel-${tab}`)));
  }

  /** @param {Partial<View>} change */
  look(change) {
    const { tab, point } = this.view;
    this.view = { ...this.view, ...change };
    viewToAddress(this.view, this.points.total, this.view.tab !== tab || this.view.point !== point);
    this.refresh();
  }

  /**
   * Change a setting of a tab; an empty value is the usual one.
   * @param {string} name
   * @param {string} value
   */
  set(name, value) {
    const how = new Map(this.view.how);
    if (value === "") how.delete(name);
    else how.set(name, value);
    this.look({ how });
  }

  /** @param {string} key */
  sortBy(key) {
    const { sort } = this.view;
    if (key === "index") this.look({ sort: sort === "" ? "-index" : "" });
    else this.look({ sort: sort === key ? `-${key}` : sort === `-${key}` ? "" : key });
  }

  /** @param {string} state */
  toggleState(state) {
    const others = this.view.states.filter((other) => other !== state);
    this.look({ states: others.length < this.view.states.length ? others : [...others, state] });
  }

  /**
   * @param {number[]} positions
   * @param {boolean} on
   */
  select(positions, on) {
    const selected = new Set(this.view.selected);
    for (const position of positions) {
      if (on) selected.add(position);
      else selected.delete(position);
    }
    this.look({ selected, only: this.view.only && selected.size > 0 });
  }

  clear() {
    if (!filters(this.view)) this.look({ selected: new Set() });
    else this.look({ ...UNFILTERED, among: new Map(), between: new Map() });
  }
}

function start() {
  document.documentElement.classList.add("script");
  if (gather(/** @type {any} */ (window).nbbatchData || []).total === 0) return;
  const app = new App();
  byId("tabs").hidden = false;
  const search = /** @type {HTMLInputElement} */ (byId("search"));
  search.value = app.view.text;
  search.addEventListener("input", () => app.look({ text: search.value }));
  byId("only").addEventListener("click", () => app.look({ only: !app.view.only }));
  byId("clear").addEventListener("click", () => {
    search.value = "";
    app.clear();
    search.focus();
  });
  byId("filter-button").addEventListener("click", () => {
    const open = byId("filters").hidden;
    byId("filters").hidden = !open;
    byId("filter-button").setAttribute("aria-expanded", String(open));
  });
  if (app.view.among.size + app.view.between.size > 0) byId("filter-button").click();
  window.addEventListener("hashchange", () => {
    const before = app.view;
    // The link that skips the head is no view of its own.
    if (location.hash === "#results") {
      viewToAddress(before, app.points.total);
      return;
    }
    app.view = viewFromAddress(app.points.total);
    search.value = app.view.text;
    app.refresh();
    const { failure, tab } = app.view;
    if ((failure !== "" && failure !== before.failure) || tab !== before.tab) {
      byId("results").scrollIntoView();
    }
  });
  // What is drawn and not styled is drawn again when its room or its colours change.
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width && DRAWN.includes(app.view.tab)) app.refresh();
    width = window.innerWidth;
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (DRAWN.includes(app.view.tab)) app.refresh();
  });
  app.refresh();
  // Who was sent a link is to see what it is about.
  if (location.hash.length > 1) byId("results").scrollIntoView();
  follow(app);
}

/**
 * A button for each state that occurs; none when all points share one.
 * @param {Points} points
 * @param {HTMLElement} place
 * @param {(state: string) => void} onToggle
 * @returns {Map<string, HTMLButtonElement>}
 */
function stateToggles(points, place, onToggle) {
  /** @type {Map<string, HTMLButtonElement>} */
  const buttons = new Map();
  const { cells } = /** @type {Column} */ (points.fixed.get("state"));
  const levels = levelsOf(cells, cells.keys(), 100) || [];
  place.hidden = levels.length < 2;
  if (levels.length > 1) {
    for (const { text, count } of levels.sort((a, b) => b.count - a.count)) {
      const label = `${text} ${count.toLocaleString("en")}`;
      buttons.set(text, button(label, () => onToggle(text), { class: `state state-${text}` }));
    }
  }
  place.replaceChildren(...buttons.values());
  return buttons;
}

/**
 * @param {App} app
 * @param {HTMLElement} place
 * @returns {Map<string, HTMLButtonElement>}
 */
function tabsOf(app, place) {
  /** @type {Map<string, HTMLButtonElement>} */
  const tabs = new Map();
  for (const [name, { label, useful }] of Object.entries(PANELS)) {
    if (!useful(app)) continue;
    const id = `tab-${name}`;
    const tab = button(label, () => app.look({ tab: name }), {
      role: "tab",
      id,
      "aria-controls": `panel-${name}`,
    });
    byId(`panel-${name}`).setAttribute("aria-labelledby", id);
    tabs.set(name, tab);
  }
  place.replaceChildren(...tabs.values());
  place.onkeydown = (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const names = [...tabs].filter(([, tab]) => !tab.hidden).map(([name]) => name);
    const at = names.findIndex((name) => tabs.get(name) === document.activeElement);
    if (step === 0 || at < 0) return;
    const next = names[(at + step + names.length) % names.length];
    app.look({ tab: next });
    tabs.get(next)?.focus();
  };
  return tabs;
}

/**
 * On a narrow screen not all tabs have room.
 * @param {HTMLElement} row
 * @param {HTMLElement} chosen
 */
function intoSight(row, chosen) {
  const [outer, inner] = [row.getBoundingClientRect(), chosen.getBoundingClientRect()];
  if (inner.right > outer.right) row.scrollLeft += inner.right - outer.right;
  else if (inner.left < outer.left) row.scrollLeft -= outer.left - inner.left;
}

/**
 * @param {App} app
 * @param {HTMLElement} _place
 */
function showTable(app, _place) {
  const { view, table } = app;
  const columns = chosenColumns(app.columns, view.columns);
  const keys = columns.map(({ key }) => key).join("\n");
  if (app.kept.get("columns") !== keys) {
    app.kept.set("columns", keys);
    table.setColumns(columns);
  }
  showTableTools(app, byId("table-tools"));
  table.show(app.found, view.sort, view.selected, app.renewing);
}
