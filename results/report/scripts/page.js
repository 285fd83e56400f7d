"use strict";
// The page: what it carries is inflated, read and shown. Names are put in as text, never as HTML.
const report = { sections: {}, figures: {}, drawn: [], onTheme: [] };

report.inflated = async (id) => {
  const text = document.getElementById(id).textContent.trim();
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
};

report.element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.map((one) => (one === null || one === undefined ? "" : one)));
  return made;
};

// Plotly reads tags in all its texts.
report.plotText = (text, longest = 60) => {
  const line = String(text).replace(/\s+/g, " ").trim();
  const head = Math.floor((longest - 1) / 2);
  const short = line.length <= longest ? line : line.slice(0, longest - 1 - head) + "…" + line.slice(-head);
  return short.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
};

report.quantity = (value) => {
  if (value === null || value === undefined) return "-";
  const units = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const [size, letter] = units.find(([least]) => Math.abs(value) >= least) || [1, ""];
  const scaled = value / size;
  const digits = Math.max(3 - String(Math.trunc(Math.abs(scaled))).length, 0);
  return (Number.isInteger(scaled) && size === 1 ? String(value) : scaled.toFixed(digits)) + (letter ? " " + letter : "");
};

report.accuracy = (value) => (value === null || value === undefined ? "-" : value.toFixed(3));

report.copyButton = (text) => {
  const button = report.element("button", { type: "button", onclick: async () => {
    button.textContent = (await report.copied(text)) ? "Copied" : "Select it by hand";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return button;
};

report.copied = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {  // not allowed, or no secure page: the old way
    const area = report.element("textarea", { readonly: "" }, text);
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
};

report.start = async () => {
  const data = document.getElementById("data");
  const text = data.hasAttribute("data-packed") ? await report.inflated("data") : data.textContent;
  Object.assign(report, JSON.parse(text));
  const plotly = report.element("script");
  plotly.textContent = await report.inflated("plotly");
  document.head.append(plotly);
  for (const show of [report.showFigures, report.showFront, report.showLayers, report.showDetections]) show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => report.onTheme.forEach((one) => one()));
  document.documentElement.dataset.ready = "yes";
};

report.run = () => report.start().catch((error) => {
  const trouble = document.getElementById("trouble");
  trouble.hidden = false;
  trouble.textContent = typeof DecompressionStream === "undefined"
    ? "This browser can't unpack the figures (it lacks DecompressionStream). Any browser from 2023 on can."
    : `The figures can't be shown: ${error.message}`;
  console.error(error);
});
