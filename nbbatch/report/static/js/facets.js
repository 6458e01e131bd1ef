// Filters by value: check boxes for columns of few values, limits for numbers.

const MOST_LEVELS = 24;
const FEW_NUMBERS = 12;

class Facets {
  /**
   * @param {HTMLElement} place
   * @param {(change: Partial<View>) => void} look
   */
  constructor(place, look) {
    this.place = place;
    this.look = look;
    /** @type {((view: View) => void)[]} bring a control to what the view says */
    this.controls = [];
    /** @type {View | null} */
    this.view = null;
  }

  /** @param {Points} points */
  build(points) {
    this.controls = [];
    const fields = [];
    for (const column of points.columns) {
      const of = column.section !== "" ? !column.constant : ["host", "seconds"].includes(column.name);
      const field = of ? this.field(column, points.total) : null;
      if (field !== null) fields.push(field);
    }
    this.place.replaceChildren(...fields);
    return fields.length > 0;
  }

  /**
   * @param {Column} column
   * @param {number} total
   * @returns {HTMLElement | null}
   */
  field(column, total) {
    const numeric = isNumeric(column);
    const few = levelsOf(column.cells, Array(total).keys(), numeric ? FEW_NUMBERS : MOST_LEVELS);
    if (few !== null && few.length < 2) return null;
    if (few === null && !numeric) return null; // free text finds in it
    const kind = column.section === "" ? "" : ` ${column.section.slice(0, -1)}`;
    const name = column.key === "seconds" ? "time (s)" : column.name;
    const field = el("fieldset", { class: `facet${kind}` }, el("legend", {}, bdi(name)));
    if (few !== null && (column.section === "params" || !numeric)) this.boxes(field, column, few);
    else this.limits(field, column, name);
    return field;
  }

  /**
   * @param {HTMLElement} field
   * @param {Column} column
   * @param {{text: string, cell: Cell, count: number}[]} levels
   */
  boxes(field, column, levels) {
    for (const { text, cell, count } of levels) {
      const box = el("input", { type: "checkbox", "aria-label": `${text.slice(0, 200)}, ${counted(count, "point")}` });
      box.addEventListener("change", () => {
        if (this.view === null) return;
        const among = new Map(this.view.among);
        const others = (among.get(column.key) || []).filter((other) => other !== text);
        if (box.checked) others.push(text);
        if (others.length > 0) among.set(column.key, others);
        else among.delete(column.key);
        this.look({ among });
      });
      this.controls.push((view) => {
        box.checked = (view.among.get(column.key) || []).includes(text);
      });
      const number = el("span", { class: "tally" }, count.toLocaleString("en"));
      field.append(el("label", { title: text.slice(0, 200) }, box, bdi(textOf(cell)), number));
    }
  }

  /**
   * @param {HTMLElement} field
   * @param {Column} column
   * @param {string} name
   */
  limits(field, column, name) {
    const extent = extentOf(column.cells);
    const line = el("div", { class: "limits" });
    for (const end of /** @type {(0 | 1)[]} */ ([0, 1])) {
      const input = el("input", {
        type: "number",
        step: "any",
        placeholder: textOf(extent[end]),
        "aria-label": `${name}, ${end === 0 ? "at least" : "at most"}`,
      });
      input.addEventListener("input", () => {
        if (this.view === null || input.validity.badInput) return;
        const between = new Map(this.view.between);
        /** @type {[number | null, number | null]} */
        const limits = [...(between.get(column.key) || [null, null])];
        limits[end] = input.value === "" ? null : Number(input.value);
        if (limits[0] === null && limits[1] === null) between.delete(column.key);
        else between.set(column.key, limits);
        this.look({ between });
      });
      this.controls.push((view) => {
        const limit = (view.between.get(column.key) || [null, null])[end];
        if (input !== document.activeElement) input.value = limit === null ? "" : String(limit);
      });
      if (end === 1) line.append(el("span", { "aria-hidden": "true" }, "to"));
      line.append(input);
    }
    field.append(line);
  }

  /** @param {View} view */
  show(view) {
    this.view = view;
    for (const control of this.controls) control(view);
  }
}
