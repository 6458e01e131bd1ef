// Start: read the data, build the controls, keep them and the table at the view.

function start() {
  document.documentElement.classList.add("script");
  const points = gather(/** @type {any} */ (window).nbbatchData || []);
  if (points.total === 0) return;
  const toolbar = byId("toolbar");
  const frame = byId("table");
  toolbar.hidden = points.total === 1;
  frame.hidden = false;

  const haystacks = haystacksOf(points);
  const shown = columnsShown(points);
  const table = new Table(frame, shown, sortBy);
  const search = /** @type {HTMLInputElement} */ (byId("search"));
  const clear = byId("clear");
  const toggles = stateToggles(points, byId("states"), toggleState);
  let view = viewFromAddress();

  function refresh() {
    const found = matching(points, haystacks, view);
    const descending = view.sort.startsWith("-");
    const key = descending ? view.sort.slice(1) : view.sort;
    const column = shown.find((candidate) => candidate.key === key);
    table.show(column === undefined ? found : sorted(found, column.cells, descending), view.sort);
    for (const [state, button] of toggles) {
      button.setAttribute("aria-pressed", String(view.states.includes(state)));
    }
    clear.hidden = view.text === "" && view.states.length === 0 && view.failure === "";
    const number = (/** @type {number} */ n) => n.toLocaleString("en");
    const all = `${number(points.total)} points`;
    const part = view.failure === "" ? "" : ", one kind of failure";
    byId("shown").textContent =
      found.length === points.total ? all : `${number(found.length)} of ${all}${part}`;
  }

  /** @param {Partial<View>} change */
  function look(change) {
    view = { ...view, ...change };
    viewToAddress(view);
    refresh();
  }

  /** @param {string} key */
  function sortBy(key) {
    if (key === "index") look({ sort: view.sort === "" ? "-index" : "" });
    else look({ sort: view.sort === key ? `-${key}` : view.sort === `-${key}` ? "" : key });
  }

  /** @param {string} state */
  function toggleState(state) {
    const others = view.states.filter((other) => other !== state);
    look({ states: others.length < view.states.length ? others : [...others, state] });
  }

  search.addEventListener("input", () => look({ text: search.value }));
  clear.addEventListener("click", () => {
    search.value = "";
    look({ text: "", states: [], failure: "" });
    search.focus();
  });
  window.addEventListener("hashchange", () => {
    const asked = viewFromAddress();
    const other = asked.failure !== "" && asked.failure !== view.failure;
    view = asked;
    search.value = view.text;
    refresh();
    if (other) byId("results").scrollIntoView();
  });
  search.value = view.text;
  refresh();
}

/**
 * A button for each state that occurs; none when all points share one.
 * @param {Points} points
 * @param {HTMLElement} place
 * @param {(state: string) => void} onToggle
 * @returns {Map<string, HTMLButtonElement>}
 */
function stateToggles(points, place, onToggle) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (let position = 0; position < points.total; position++) {
    const state = String(fixedCell(points, "state", position));
    counts.set(state, (counts.get(state) || 0) + 1);
  }
  /** @type {Map<string, HTMLButtonElement>} */
  const buttons = new Map();
  if (counts.size < 2) {
    place.hidden = true;
    return buttons;
  }
  for (const [state, count] of [...counts].sort((a, b) => b[1] - a[1])) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `state state-${state}`;
    button.textContent = `${state} ${count.toLocaleString("en")}`;
    button.addEventListener("click", () => onToggle(state));
    place.append(button);
    buttons.set(state, button);
  }
  return buttons;
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
