// Opened by itself from a web server this page would run with that server's origin.
if (self.origin !== "null") {
  window.stop();
  location.replace("notebook.html");
}
var nbbatchFigures = [];
addEventListener("message", function take(event) {
  if (event.source !== parent || parent === self) return;
  removeEventListener("message", take);
  var add = function (kind, text) {
    var element = document.createElement(kind);
    element.textContent = text || "";
    document.head.append(element);
  };
  add("style", event.data.css);
  if (nbbatchFigures.length) add("script", event.data.plotly);
  nbbatchFigures.forEach(function (figure) {
    if (window.Plotly) Plotly.newPlot.apply(null, figure);
    else figure[0].textContent = "This figure needs plotly.js, which the report did not find.";
  });
});
addEventListener("load", function () {
  parent.postMessage("ready", "*");
});
