// Two texts line by line: what is in one, the other, or both.

const MOST_LINES = 1500;

/** @typedef {{kind: "same" | "less" | "more", text: string}} Line */

/**
 * The longest common subsequence of lines; what begins and ends alike is not compared.
 * @param {string} one
 * @param {string} other
 * @returns {Line[]}
 */
function difference(one, other) {
  const [a, b] = [one, other].map((text) =>
    text === "" ? [] : text.replace(/\n$/, "").split("\n").slice(0, MOST_LINES),
  );
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const [left, right] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  const same = (/** @type {string[]} */ lines) =>
    lines.map((text) => /** @type {Line} */ ({ kind: "same", text }));
  return [...same(a.slice(0, head)), ...middle(left, right), ...same(a.slice(a.length - tail))];
}

/**
 * @param {string[]} left
 * @param {string[]} right
 * @returns {Line[]}
 */
function middle(left, right) {
  const width = right.length + 1;
  // lengths[i * width + j]: of the longest common subsequence of left from i and right from j
  const lengths = new Uint16Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        left[i] === right[j]
          ? lengths[(i + 1) * width + j + 1] + 1
          : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  /** @type {Line[]} */
  const lines = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      lines.push({ kind: "same", text: left[i] });
      i++;
      j++;
    } else if (j >= right.length || (i < left.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])) {
      lines.push({ kind: "less", text: left[i++] });
    } else {
      lines.push({ kind: "more", text: right[j++] });
    }
  }
  return lines;
}
