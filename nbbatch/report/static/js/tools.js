// Above the table: which columns it has, and what it shows as a file.

/**
 * @param {App} app
 * @param {HTMLElement} place
 */
function showTableTools(app, place) {
  const { view, columns } = app;
  const keys = columns.map(({ key }) => key).join("\n");
  if (app.kept.get("tools") !== keys) {
    app.kept.set("tools", keys);
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
  document.addEventListener("pointerdown", function close(event) {
    if (!menu.isConnected) document.removeEventListener("pointerdown", close);
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
    const [id, state] = [idOf(points, position), fixedCell(points, "state", position)];
    const parts = [`"id":${JSON.stringify(id)}`, `"state":${JSON.stringify(state)}`];
    for (const section of ["params", "metrics"]) {
      const own = points.columns.filter((column) => column.section === section);
      const having = own.filter(({ cells }) => cells[position] !== null);
      const values = having.map(({ name, cells }) => `${JSON.stringify(name)}:${jsonText(cells[position])}`);
      parts.push(`"${section}":{${values.join(",")}}`);
    }
    return `{${parts.join(",")}}`;
  });
  return `[\n${rows.join(",\n")}\n]\n`;
}

/**
 * A value as JSON: an integer of many digits as it is written, NaN as a text.
 * @param {Cell} cell
 * @returns {string}
 */
function jsonText(cell) {
  if (cell === null || typeof cell !== "object") return JSON.stringify(cell);
  try {
    JSON.parse(cell.text);
    return cell.text;
  } catch {
    return JSON.stringify(cell.text);
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
