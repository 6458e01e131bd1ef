// The table. Only the rows in sight are in the document: 10,000 rows stay smooth.

const OVERSCAN = 12;

class Table {
  /**
   * @param {HTMLElement} frame scrolls
   * @param {Shown[]} columns
   * @param {(key: string) => void} onSort
   */
  constructor(frame, columns, onSort) {
    this.frame = frame;
    this.columns = columns;
    /** @type {number[]} */
    this.order = [];
    /** @type {Map<number, HTMLTableRowElement>} by place in the order */
    this.rows = new Map();
    this.rowHeight = 30;

    const table = document.createElement("table");
    table.setAttribute("aria-colcount", String(columns.length));
    this.table = table;
    table.append(this.columnGroup(), this.head(onSort));
    this.body = document.createElement("tbody");
    this.above = spacer(columns.length);
    this.below = spacer(columns.length);
    this.body.append(this.above, this.below);
    table.append(this.body);
    frame.append(table);
    let asked = false;
    const later = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        this.draw();
      });
    };
    frame.addEventListener("scroll", later, { passive: true });
    window.addEventListener("resize", later);
  }

  columnGroup() {
    const group = document.createElement("colgroup");
    let total = 0;
    let filled = false;
    for (const { width } of this.columns) {
      const col = document.createElement("col");
      if (width === null) filled = true;
      else col.style.width = `calc(${width}ch + 1.5rem)`;
      total += width === null ? 28 : width;
      group.append(col);
    }
    // Without a column that takes what is left, an empty one does.
    if (!filled) group.append(document.createElement("col"));
    this.filler = !filled;
    this.table.style.minWidth = `calc(${total}ch + ${this.columns.length} * 1.5rem)`;
    return group;
  }

  /** @param {(key: string) => void} onSort */
  head(onSort) {
    const head = document.createElement("thead");
    const row = head.insertRow();
    row.setAttribute("aria-rowindex", "1");
    /** @type {Map<string, HTMLTableCellElement>} */
    this.headers = new Map();
    for (const column of this.columns) {
      const th = document.createElement("th");
      th.scope = "col";
      th.className = columnClass(column);
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.label;
      button.title = column.group === "" ? column.label : `${column.group} ${column.label}`;
      button.addEventListener("click", () => onSort(column.key));
      th.append(button);
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
   */
  show(order, sort) {
    this.order = order;
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    const descending = sort.startsWith("-");
    const key = descending ? sort.slice(1) : sort || "index";
    for (const [name, th] of this.headers || []) {
      if (name !== key) th.removeAttribute("aria-sort");
      else th.setAttribute("aria-sort", descending ? "descending" : "ascending");
    }
    this.table.setAttribute("aria-rowcount", String(order.length + 1));
    this.frame.scrollTop = 0;
    this.draw();
    // The style sheet sets the height in rem: how many pixels depends on the reader.
    const height = this.rows.get(0)?.getBoundingClientRect().height;
    if (height && height !== this.rowHeight) {
      this.rowHeight = height;
      this.draw();
    }
  }

  draw() {
    const { order, rows, rowHeight } = this;
    const first = Math.max(0, Math.floor(this.frame.scrollTop / rowHeight) - OVERSCAN);
    const inSight = Math.ceil((this.frame.clientHeight || window.innerHeight) / rowHeight);
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
    const row = document.createElement("tr");
    row.setAttribute("aria-rowindex", String(place + 2));
    for (const column of this.columns) {
      const td = document.createElement("td");
      td.className = columnClass(column);
      column.fill(position, td);
      row.append(td);
    }
    if (this.filler) row.append(document.createElement("td"));
    return row;
  }
}

/** @param {Shown} column */
function columnClass(column) {
  const kind = column.group === "" ? `column-${column.key}` : `column-${column.group}`;
  return column.numeric ? `${kind} numeric` : kind;
}

/** @param {number} columns */
function spacer(columns) {
  const row = document.createElement("tr");
  row.className = "spacer";
  row.setAttribute("aria-hidden", "true");
  const td = row.insertCell();
  td.colSpan = columns + 1;
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
