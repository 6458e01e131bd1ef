// Making elements. Values from outside reach the document as text or as encoded addresses.

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null>} [attributes] false and null: left out
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null) made.append(child);
  return made;
}

/**
 * @param {string} text
 * @param {() => void} onClick
 * @param {Record<string, string | number | boolean | null>} [attributes]
 * @returns {HTMLButtonElement}
 */
function button(text, onClick, attributes = {}) {
  const made = el("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", onClick);
  return made;
}

/**
 * A labelled drop-down list.
 * @param {string} label
 * @param {{value: string, text: string}[]} options
 * @param {string} chosen
 * @param {(value: string) => void} onChange
 * @returns {HTMLLabelElement}
 */
function chooser(label, options, chosen, onChange) {
  const select = el("select");
  for (const { value, text } of options) {
    select.append(el("option", { value, selected: value === chosen }, text));
  }
  select.addEventListener("change", () => onChange(select.value));
  return el("label", { class: "choose" }, el("span", {}, label), select);
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Text isolated from its surroundings: it may run in any direction.
 * @param {string} text
 * @returns {HTMLElement}
 */
function bdi(text) {
  return el("bdi", {}, text);
}

/**
 * @param {number} number
 * @param {string} noun
 * @returns {string}
 */
function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * Load a classic script once more, whatever the page's protocol.
 * @param {string} source
 * @returns {Promise<void>} rejected when there is no such file
 */
function loadScript(source) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.addEventListener("load", () => {
      script.remove();
      resolve();
    });
    script.addEventListener("error", () => {
      script.remove();
      reject(new Error(source));
    });
    document.head.append(script);
  });
}

/**
 * Do work that makes elements anew: the focus goes to the one that is where the focused one was.
 * @param {() => void} work
 */
function keepingFocus(work) {
  const had = document.activeElement;
  const place = had?.parentElement?.closest("[id]");
  if (!had || !place) {
    work();
    return;
  }
  const name = (/** @type {Element} */ one) =>
    one.getAttribute("aria-label") || one.getAttribute("title") || (one.closest("label") || one).textContent;
  const alike = () => /** @type {HTMLElement[]} */ ([...place.querySelectorAll(had.localName)]);
  const [said, at] = [name(had), alike().findIndex((one) => one === had)];
  work();
  if (had.isConnected || document.activeElement !== document.body) return;
  (alike().find((one) => name(one) === said) || alike()[at])?.focus({ preventScroll: true });
}

/**
 * The page's colours, for what is drawn and not styled.
 * @param {string} name of a custom property
 * @returns {string}
 */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
