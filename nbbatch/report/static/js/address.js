// The view in the page's address: a link shows what its sender saw.

/** @returns {View} */
function viewFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const states = given.get("state") || "";
  return {
    text: given.get("q") || "",
    states: states === "" ? [] : states.split(","),
    failure: given.get("failure") || "",
    sort: given.get("sort") || "",
  };
}

/**
 * Write the view into the address, without an entry in the history for each keystroke.
 * @param {View} view
 */
function viewToAddress(view) {
  const said = new URLSearchParams();
  if (view.text !== "") said.set("q", view.text);
  if (view.states.length > 0) said.set("state", view.states.join(","));
  if (view.failure !== "") said.set("failure", view.failure);
  if (view.sort !== "") said.set("sort", view.sort);
  const hash = said.toString();
  history.replaceState(null, "", `${location.href.split("#")[0]}${hash === "" ? "" : `#${hash}`}`);
}
