addEventListener("message", (event) => {
  const inside = document.querySelector("iframe").contentWindow;
  if (event.source === inside && event.data === "ready") inside.postMessage(window.nbbatchLive || {}, "*");
});
