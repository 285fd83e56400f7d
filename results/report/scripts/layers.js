// The map of layers: a column a candidate, coloured by method.
report.showLayers = () => {
  if (!report.sections.layers || !report.sections.front) return;
  const { methods } = report.sections.front.candidates, { element } = report;
  document.getElementById("layers-legend").replaceChildren(...methods.map((one) => element("li", {},
    element("span", { class: "chip", style: `background:${one.colour}` }), one.name)));
  const all = document.getElementById("layers-all");
  if (all) all.addEventListener("change", report.drawLayers);
  report.drawLayers();
  document.getElementById("layers-plot").on("plotly_click", (event) => {
    report.choose(report.layerRows()[event.points[0].x]);
  });
  report.onTheme.push(report.drawLayers);
};

report.layerRows = () => {
  const all = document.getElementById("layers-all"), { x, rung } = report.view();
  if (!all || !all.checked) return report.currentFront().rows;
  const { complete, rungs, figures } = report.sections.front.candidates;
  return complete.map((_, row) => row).filter((row) => complete[row] && rungs[row] === rung && figures[x][row] !== null)
    .sort((one, other) => figures[x][one] - figures[x][other]);
};

report.drawLayers = () => {
  if (!report.sections.layers) return;
  const { candidates: all } = report.sections.front, { x, y } = report.view(), rows = report.layerRows();
  const place = Object.fromEntries(all.methods.map((one, index) => [one.name, index])), last = all.methods.length;
  const knobs = Object.fromEntries(all.knobs.map((knob) => [knob.name, { ...knob, names: knob.values.map((one) => String(JSON.parse(one))) }]));
  const method = (layer, row) => knobs[layer].names[knobs[layer].codes[row]];
  const z = all.layers.map((layer) => rows.map((row) => { const one = place[method(layer, row)]; return one === undefined ? null : one; }));
  const text = all.layers.map((layer) => rows.map((row) => `<b>${report.plotText(all.ids[row])}</b>  ${report.quantity(all.figures[x][row])}, `
    + `${report.accuracy(all.figures[y][row])}<br>${report.plotText(layer.slice(6))}: ${report.plotText(method(layer, row) || "no choice")}`));
  const scale = all.methods.flatMap((one, index) => [[index / last, one.colour], [(index + 1) / last, one.colour]]);
  const few = rows.length <= 40, every = Math.max(1, Math.ceil(rows.length / (innerWidth < 600 ? 7 : 16)));
  const ticks = rows.map((_, index) => index).filter((index) => index % every === 0);
  report.draw("layers-plot", { height: 120 + Math.max(12, Math.min(24, 900 / all.layers.length)) * all.layers.length, data: [{
    type: "heatmap", z, text, hoverinfo: "text", colorscale: scale, zmin: -0.5, zmax: last - 0.5, showscale: false,
    xgap: few ? 2 : 0, ygap: all.layers.length <= 40 ? 2 : 0, x: rows.map((_, index) => index), y: all.layers.map((_, index) => index),
  }], layout: {
    xaxis: { title: { text: report.plotText(x) }, tickvals: ticks, ticktext: ticks.map((index) => report.quantity(all.figures[x][rows[index]])), showgrid: false, tickangle: -45 },
    yaxis: { tickvals: all.layers.map((_, index) => index), showgrid: false, autorange: "reversed", zeroline: false,
      ticktext: all.layers.map((layer) => report.plotText(layer.slice(6), innerWidth < 600 ? 16 : 36)), tickfont: { size: all.layers.length > 30 ? 10 : 12 } },
  } });
};
