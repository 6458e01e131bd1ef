// Above the table: which columns it has, and what it shows as a file.

/**
 * @param {App} app
 * @param {HTMLElement} place
 */
function showTableTools(app, place) {
  const { view, columns } = app;
  if (!app.kept.has("tools")) {
    app.kept.set("tools", true);
    const list = el("div", { class: "column-list" });
    for (const column of columns) list.append(columnBox(app, column));
    list.append(button("As usual", () => app.look({ columns: null }), { class: "quiet" }));
    const menu = el("details", { class: "menu" }, el("summary", {}, "Columns"), list);
    closeFromOutside(menu);
    place.replaceChildren(
      menu,
      button("Save as CSV", () => saveAs("points.csv", "text/csv", csvOf(app))),
      button("Save as JSON", () => saveAs("points.json", "application/json", jsonOf(app))),
      button("Compare", () => compareSelected(app), { id: "compare-selected" }),
    );
  }
  const shown = chosenColumns(columns, view.columns);
  for (const box of place.querySelectorAll("input")) {
    box.checked = shown.some(({ key }) => key === box.value);
  }
  byId("compare-selected").hidden = view.selected.size !== 2;
}

/**
 * A menu closes with Escape, and when something else is pressed.
 * @param {HTMLDetailsElement} menu
 */
function closeFromOutside(menu) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!(event.target instanceof Node && menu.contains(event.target))) menu.open = false;
  });
}

/**
 * @param {App} app
 * @param {Shown} column
 */
function columnBox(app, column) {
  const box = el("input", { type: "checkbox", value: column.key });
  box.addEventListener("change", () => {
    const keys = chosenColumns(app.columns, app.view.columns).map(({ key }) => key);
    const others = keys.filter((key) => key !== column.key);
    app.look({ columns: box.checked ? [...others, column.key] : others });
  });
  return el("label", {}, box, bdi(column.label));
}

/** @param {App} app */
function compareSelected(app) {
  const [one, other] = [...app.view.selected].sort((a, b) => a - b);
  app.look({ tab: "compare", pair: [idOf(app.points, one), idOf(app.points, other)] });
}

/**
 * The rows and columns that the table shows, as a spreadsheet may safely open them.
 * @param {App} app
 * @returns {string}
 */
function csvOf(app) {
  const columns = chosenColumns(app.columns, app.view.columns).filter(({ key }) => key !== "files");
  const lines = [columns.map(({ label }) => csvCell(label))];
  for (const position of app.found) lines.push(columns.map(({ cells }) => csvCell(cells[position])));
  return lines.map((line) => `${line.join(",")}\n`).join("");
}

/**
 * @param {Cell} cell
 * @returns {string}
 */
function csvCell(cell) {
  let text = fullText(cell);
  // What a spreadsheet would run as a formula becomes text (OWASP, "CSV Injection").
  if (typeof cell === "string" && /^[=+\-@\t\r\n＝＋－＠]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/**
 * @param {App} app
 * @returns {string}
 */
function jsonOf(app) {
  const { points } = app;
  const rows = app.found.map((position) => {
    /** @type {Record<string, any>} */
    const row = { id: idOf(points, position), state: fixedCell(points, "state", position) };
    for (const section of ["params", "metrics"]) {
      const own = points.columns.filter((column) => column.section === section);
      const having = own.filter(({ cells }) => cells[position] !== null);
      // fromEntries: a parameter may be called __proto__
      row[section] = Object.fromEntries(having.map(({ name, cells }) => [name, jsonValue(cells[position])]));
    }
    return row;
  });
  return `[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]\n`;
}

/**
 * @param {Cell} cell
 * @returns {any}
 */
function jsonValue(cell) {
  if (cell === null || typeof cell !== "object") return cell;
  try {
    return JSON.parse(cell.text);
  } catch {
    return cell.text;
  }
}

/**
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
function saveAs(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
