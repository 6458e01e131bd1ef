// Sets of points in the page's address: "0-4.7.9-12".

/**
 * @param {Iterable<number>} positions
 * @returns {string}
 */
function rangesOf(positions) {
  const ordered = [...new Set(positions)].sort((a, b) => a - b);
  const parts = [];
  for (let i = 0; i < ordered.length; i++) {
    const first = ordered[i];
    while (i + 1 < ordered.length && ordered[i + 1] === ordered[i] + 1) i++;
    parts.push(first === ordered[i] ? String(first) : `${first}-${ordered[i]}`);
  }
  return parts.join(".");
}

/**
 * @param {string} text
 * @param {number} total positions from here on do not exist
 * @returns {Set<number>}
 */
function positionsOf(text, total) {
  /** @type {Set<number>} */
  const found = new Set();
  for (const part of text.split(".")) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part);
    if (match === null) continue;
    const last = Math.min(Number(match[2] ?? match[1]), total - 1);
    for (let at = Number(match[1]); at <= last; at++) found.add(at);
  }
  return found;
}
