// A page that is open while the sweep runs reads what changed by itself.

const LOOK_EVERY = 5000; // ms

/** @param {App} app */
function follow(app) {
  const data = /** @type {any[]} */ (/** @type {any} */ (window).nbbatchData);
  const first = data.find((piece) => piece.kind === "now");
  if (first === undefined || document.getElementById("progress") === null) return;
  let known = { ...first, stamps: stampsOfPage() };
  const take = async (/** @type {any} */ news) => {
    let complete = true;
    if (news !== undefined && changed(known, news).length > 0) {
      complete = await readChanged(data, known, news);
      app.renew();
      showVerdict(known, news);
      known = news;
    }
    if (known.open || !complete) setTimeout(look, LOOK_EVERY);
  };
  const look = async () => {
    const before = data.length;
    try {
      // The number keeps a cache from answering.
      await loadScript(`data/now.js?at=${Date.now()}`);
    } catch {
      // The page was moved without its files, or is being written: ask again.
    }
    const news = data.slice(before).find((piece) => piece.kind === "now");
    keepLatest(data);
    await take(news);
  };
  // The report may have been written while the page was being read.
  take(first);
}

/**
 * The data files that the page asked for, each with its stamp.
 * @returns {Record<string, string>}
 */
function stampsOfPage() {
  const found = [...document.scripts].map((script) => /data\/([^/?]+)\?v=(\w+)$/.exec(script.src));
  return Object.fromEntries(found.flatMap((match) => (match === null ? [] : [[match[1], match[2]]])));
}

/**
 * Names of the data files that differ.
 * @param {any} known
 * @param {any} news
 * @returns {string[]}
 */
function changed(known, news) {
  return Object.keys(news.stamps).filter((name) => known.stamps[name] !== news.stamps[name]);
}

/**
 * Of pieces that say the same the latest remains.
 * @param {any[]} data
 */
function keepLatest(data) {
  const latest = new Map(data.map((piece) => [`${piece.kind} ${piece.start ?? ""}`, piece]));
  data.splice(0, data.length, ...latest.values());
}

/**
 * Load the files that changed; what they replace leaves the list.
 * @param {any[]} data
 * @param {any} known
 * @param {any} news loses the stamps of files that could not be read: the next look asks again
 * @returns {Promise<boolean>} whether all could be read
 */
async function readChanged(data, known, news) {
  let complete = true;
  for (const name of changed(known, news)) {
    try {
      await loadScript(`data/${name}?v=${news.stamps[name]}`);
    } catch {
      delete news.stamps[name];
      complete = false;
    }
  }
  keepLatest(data);
  return complete;
}

/**
 * Headline, bar and counts; other failures are shown when the reader asks.
 * @param {any} known
 * @param {any} news
 */
function showVerdict(known, news) {
  byId("headline").textContent = news.headline;
  document.title = `${document.querySelector(".sweep bdi")?.textContent}: ${news.headline}`;
  byId("verdict").className = `verdict tone-${news.tone}`;
  byId("progress").textContent = news.open
    ? `${news.left === "" ? "As" : `${news.left}, as`} of ${news.asOf}`
    : "The sweep has ended";
  byId("news").hidden = !news.open;
  const [bar, counts] = [byId("bar"), byId("counts")];
  bar.replaceChildren();
  counts.replaceChildren();
  let begun = 0;
  for (const [state, number] of Object.entries(news.counts)) {
    const width = (100 * Number(number)) / news.total;
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    rect.setAttribute("class", `fill state-${state}`);
    rect.setAttribute("x", String(begun));
    rect.setAttribute("width", String(width));
    rect.setAttribute("height", "1");
    bar.append(rect);
    begun += width;
    const said = el("b", {}, Number(number).toLocaleString("en"));
    counts.append(el("li", { class: `state state-${state}` }, said, ` ${state}`));
  }
  if (news.reused > 0) {
    counts.append(el("li", { class: "note" }, `${news.reused.toLocaleString("en")} reused from an earlier run`));
  }
  const reload = /** @type {HTMLButtonElement} */ (byId("reload"));
  if (known.stamps["failures.js"] !== news.stamps["failures.js"]) reload.hidden = false;
  reload.onclick = () => location.reload();
}
