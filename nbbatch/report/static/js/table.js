// The table. Only the rows in sight are in the document: 10,000 rows stay smooth.

const OVERSCAN = 12;

/**
 * @typedef {object} TableActions
 * @property {(key: string) => void} sort
 * @property {(positions: number[], on: boolean) => void} select
 * @property {(position: number) => void} open
 */

class Table {
  /**
   * @param {HTMLElement} frame scrolls
   * @param {TableActions} actions
   */
  constructor(frame, actions) {
    this.frame = frame;
    this.actions = actions;
    /** @type {Shown[]} */
    this.columns = [];
    /** @type {number[]} */
    this.order = [];
    /** @type {Set<number>} */
    this.selected = new Set();
    /** @type {Map<number, HTMLTableRowElement>} by place in the order */
    this.rows = new Map();
    this.rowHeight = 30;
    this.active = -1; // place of the row that the keyboard is at
    this.last = -1; // place that was selected last: shift selects from here
    this.filler = false;
    /** @type {Map<string, HTMLTableCellElement>} */
    this.headers = new Map();
    this.table = el("table");
    this.body = el("tbody");
    this.above = spacer();
    this.below = spacer();
    this.all = this.selectAll();
    frame.replaceChildren(this.table);
    this.listen();
  }

  listen() {
    let asked = false;
    const later = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        this.draw();
      });
    };
    this.frame.addEventListener("scroll", later, { passive: true });
    window.addEventListener("resize", later);
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => {
      const at = event.target;
      if (at instanceof HTMLInputElement) this.pick(Number(at.value), at.checked, event.shiftKey);
      if (!(at instanceof HTMLAnchorElement) || at.dataset.position === undefined) return;
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab or window of its own
      event.preventDefault();
      this.actions.open(Number(at.dataset.position));
    });
  }

  selectAll() {
    const box = el("input", { type: "checkbox", "aria-label": "Select all rows shown" });
    box.addEventListener("change", () => this.actions.select(this.order, box.checked));
    return box;
  }

  /** @param {Shown[]} columns */
  setColumns(columns) {
    this.columns = columns;
    this.table.replaceChildren(this.columnGroup(), this.head(), this.body);
    this.table.setAttribute("aria-colcount", String(columns.length + 1));
    this.body.replaceChildren(this.above, this.below);
    for (const row of [this.above, this.below]) row.cells[0].colSpan = columns.length + 2;
    this.rows.clear();
  }

  columnGroup() {
    const group = el("colgroup", {}, el("col", { class: "pick" }));
    let total = 0;
    this.filler = true;
    for (const { width } of this.columns) {
      const col = document.createElement("col");
      if (width === null) this.filler = false;
      else col.style.width = `calc(${width}ch + 1.5rem)`;
      total += width === null ? 28 : width;
      group.append(col);
    }
    // Without a column that takes what is left, an empty one does.
    if (this.filler) group.append(document.createElement("col"));
    this.table.style.minWidth = `calc(${total}ch + ${this.columns.length} * 1.5rem + 2.2rem)`;
    return group;
  }

  head() {
    const head = document.createElement("thead");
    const row = head.insertRow();
    row.setAttribute("aria-rowindex", "1");
    row.append(el("th", { class: "pick", scope: "col" }, this.all));
    this.headers.clear();
    for (const column of this.columns) {
      const th = el("th", { scope: "col", class: columnClass(column) });
      const title = column.group === "" ? column.label : `${column.group} ${column.label}`;
      th.append(button(column.label, () => this.actions.sort(column.key), { title }));
      row.append(th);
      this.headers.set(column.key, th);
    }
    if (this.filler) row.append(document.createElement("td"));
    return head;
  }

  /**
   * Show these points, in this order.
   * @param {number[]} order positions
   * @param {string} sort as in the view
   * @param {Set<number>} selected
   * @param {boolean} stay other points are shown because the data changed, not because the
   *   reader asked for them
   */
  show(order, sort, selected, stay) {
    const same = order.length === this.order.length && order.every((at, i) => at === this.order[i]);
    // Read before the rows go: a frame that is shorter for a moment scrolls up by itself.
    const top = this.frame.scrollTop;
    this.order = order;
    this.selected = selected;
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    const descending = sort.startsWith("-");
    const key = descending ? sort.slice(1) : sort || "index";
    for (const [name, th] of this.headers) {
      if (name !== key) th.removeAttribute("aria-sort");
      else th.setAttribute("aria-sort", descending ? "descending" : "ascending");
    }
    this.table.setAttribute("aria-rowcount", String(order.length + 1));
    if (!same && !stay) {
      this.active = -1;
      this.last = -1;
    }
    this.all.checked = order.length > 0 && order.every((position) => selected.has(position));
    this.all.indeterminate = !this.all.checked && order.some((position) => selected.has(position));
    this.draw(same || stay ? top : 0);
    this.frame.scrollTop = same || stay ? top : 0;
    // The style sheet sets the height in rem: how many pixels depends on the reader.
    const height = this.rows.values().next().value?.getBoundingClientRect().height;
    if (height && height !== this.rowHeight) {
      this.rowHeight = height;
      this.draw();
    }
  }

  /** @param {number} [top] how far the frame is scrolled, or will be */
  draw(top = this.frame.scrollTop) {
    const { order, rows, rowHeight } = this;
    const first = Math.max(0, Math.min(Math.floor(top / rowHeight), order.length - 1) - OVERSCAN);
    // At most: while the rows are not there yet, the frame is lower than it will be.
    const inSight = Math.ceil(window.innerHeight / rowHeight);
    const end = Math.min(order.length, first + inSight + 2 * OVERSCAN);
    for (const [place, row] of rows) {
      if (place < first || place >= end) {
        row.remove();
        rows.delete(place);
      }
    }
    // Rows that stay are not touched: focus and selection in them survive scrolling.
    let next = this.above.nextElementSibling;
    for (let place = first; place < end; place++) {
      let row = rows.get(place);
      if (row === undefined) {
        row = this.row(place);
        rows.set(place, row);
        this.body.insertBefore(row, next);
      } else {
        next = row.nextElementSibling;
      }
    }
    setHeight(this.above, first * rowHeight);
    setHeight(this.below, (order.length - end) * rowHeight);
  }

  /** @param {number} place */
  row(place) {
    const position = this.order[place];
    const on = this.selected.has(position);
    const row = el("tr", { "aria-rowindex": place + 2, "aria-selected": String(on) });
    if (place === this.active) row.classList.add("active");
    const box = el("input", { type: "checkbox", value: place, checked: on, tabindex: -1 });
    box.setAttribute("aria-label", `Select point ${place + 1}`);
    row.append(el("td", { class: "pick" }, box));
    for (const column of this.columns) {
      const td = document.createElement("td");
      td.className = columnClass(column);
      column.fill(position, td);
      row.append(td);
    }
    if (this.filler) row.append(document.createElement("td"));
    return row;
  }

  /**
   * @param {number} place
   * @param {boolean} on
   * @param {boolean} range from the last one to this
   */
  pick(place, on, range) {
    const from = range && this.last >= 0 ? this.last : place;
    this.last = place;
    this.active = place;
    this.frame.focus({ preventScroll: true }); // the box that was clicked is drawn anew
    const [first, end] = [Math.min(from, place), Math.max(from, place) + 1];
    this.actions.select(this.order.slice(first, end), on);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.target !== this.frame || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.frame.clientHeight / this.rowHeight) - 2);
    const end = this.order.length - 1;
    /** @type {Record<string, number>} */
    const moves = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: end,
    };
    if (Object.hasOwn(moves, event.key)) {
      this.goTo(Math.max(0, Math.min(end, moves[event.key])));
    } else if (event.key === " " && this.active >= 0) {
      const on = !this.selected.has(this.order[this.active]);
      this.pick(this.active, on, event.shiftKey);
    } else if (event.key === "Enter" && this.active >= 0) {
      this.actions.open(this.order[this.active]);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {number} place */
  goTo(place) {
    if (this.order.length === 0) return;
    this.rows.get(this.active)?.classList.remove("active");
    this.active = place;
    const head = this.body.offsetTop;
    const top = place * this.rowHeight;
    if (top < this.frame.scrollTop) this.frame.scrollTop = top;
    const least = top + this.rowHeight + head - this.frame.clientHeight;
    if (least > this.frame.scrollTop) this.frame.scrollTop = least;
    this.draw();
    this.rows.get(place)?.classList.add("active");
    this.frame.setAttribute("aria-description", `Row ${place + 1}`);
  }
}

/** @param {Shown} column */
function columnClass(column) {
  const kind = column.group === "" ? `column-${column.key}` : `column-${column.group}`;
  return column.numeric ? `${kind} numeric` : kind;
}

function spacer() {
  const row = el("tr", { class: "spacer", "aria-hidden": "true" });
  row.insertCell();
  return row;
}

/**
 * @param {HTMLTableRowElement} row
 * @param {number} pixels
 */
function setHeight(row, pixels) {
  row.hidden = pixels <= 0;
  row.cells[0].style.height = `${Math.max(pixels, 0)}px`;
}
