// The front over the chosen cost and accuracy, and its table.
report.front = { chosen: null };

report.options = (id, entries, value) => {
  const select = document.getElementById(id);
  select.replaceChildren(...entries.map(([one, label]) => report.element("option", { value: one }, label)));
  select.value = value;
  if (entries.length < 2) select.closest("label").hidden = true;
  return select;
};

report.showFront = () => {
  const data = report.sections.front;
  if (!data) return;
  const { axes } = data, front = report.front;
  report.options("front-x", axes.costs.map((one) => [one.name, one.label]), axes.x);
  report.options("front-y", axes.accuracies.map((one) => [one.name, one.label]), axes.y);
  report.options("front-rung", data.rungs.map((one) => [String(one), String(one)]), String(axes.rung));
  const redraw = () => { report.drawFront(); report.drawLayers(); };
  for (const id of ["front-x", "front-y", "front-by", "front-rung"]) {
    document.getElementById(id).addEventListener("change", redraw);
  }
  report.drawFront();
  document.getElementById("front-plot").on("plotly_click", (event) => {
    const row = event.points[0].customdata;
    if (row !== undefined) report.choose(row);
  });
  report.onTheme.push(report.drawFront);
  report.startCandidates();
  const first = report.currentFront();
  report.show(first.knee === null ? first.rows[0] : first.knee);
};

report.view = () => {
  const read = (id) => document.getElementById(id).value;
  return { x: read("front-x"), y: read("front-y"), by: read("front-by"), rung: Number(read("front-rung")) };
};

report.currentFront = () => {
  const { x, y, by, rung } = report.view(), { fronts } = report.sections.front;
  return fronts[`${rung}|${x}|${y}|${by}`] || { rows: [], knee: null };
};

report.hover = (row) => {
  const { x, y } = report.view(), { candidates: all } = report.sections.front, { figures } = all;
  const model = figures[y + "_model"], error = figures[y + "_model_se"];
  const lines = [`<b>${report.plotText(all.ids[row])}</b>`, `${x}  ${report.quantity(figures[x][row])}`,
    `${y}  ${report.accuracy(figures[y][row])}`];
  if (model && model[row] !== null) {
    lines.push(`by the model  ${report.accuracy(model[row])} ± ${report.accuracy(error ? error[row] : null)}`);
  }
  const rung = report.sections.front.rungs.length > 1 ? `rung ${all.rungs[row]}` : "";
  const over = all.feasible[row] ? "" : "over a budget of the search";
  return [...lines, rung, over].filter(Boolean).join("<br>");
};

report.points = (rows, column, rest) => {
  const { figures } = report.sections.front.candidates, { x } = report.view();
  return { type: "scatter", mode: "markers", x: rows.map((row) => figures[x][row]), y: rows.map((row) => figures[column][row]),
    customdata: rows, text: rows.map(report.hover), hoverinfo: "text", ...rest };
};

// On a log axis if all costs are positive and not alike; ticks in words such as 200 M.
report.costAxis = (label, values) => {
  const low = Math.min(...values), high = Math.max(...values), log = low > 0 && high > low;
  const title = { text: report.plotText(label) };
  if (!log) return { title };
  const steps = high / low > 300 ? [1] : high / low > 8 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    steps.forEach((step) => ticks.push(step * 10 ** power));
  }
  return { title, type: "log", tickvals: ticks, ticktext: ticks.map((one) => report.quantity(one).replace(/\.0+(?= |$)/, "")), tickangle: 0 };
};

report.drawFront = () => {
  const data = report.sections.front, all = data.candidates, { figures } = all;
  const { x, y, by, rung } = report.view(), { rows, knee } = report.currentFront();
  const column = by === "model" && figures[y + "_model"] ? y + "_model" : y;
  const shown = all.ids.map((_, row) => row).filter((row) => all.complete[row] && all.rungs[row] === rung
    && figures[x][row] !== null && figures[column][row] !== null);
  const onFront = new Set(rows), model = figures[y + "_model"], error = figures[y + "_model_se"];
  const behind = shown.filter((row) => !onFront.has(row));
  const label = (list, name) => (list.find((one) => one.name === name) || { label: name }).label;
  const line = { type: "scatter", mode: "lines", x: rows.map((row) => figures[x][row]), hoverinfo: "skip", showlegend: false,
    y: rows.map((row) => figures[column][row]), line: { shape: "hv", color: "@ink", width: 1.6 } };
  const bars = model && error ? { error_y: { type: "data", symmetric: false, color: "@muted", thickness: 1.1, width: 3,
    array: rows.map((row) => Math.max(model[row] + error[row] - figures[column][row], 0)),
    arrayminus: rows.map((row) => Math.max(figures[column][row] - model[row] + error[row], 0)) } } : {};
  const traces = [
    report.points(behind.filter((row) => all.feasible[row]), column, { name: "candidates", marker: { color: "@faint", size: 6, opacity: 0.6 } }),
    report.points(behind.filter((row) => !all.feasible[row]), column, { name: "over a budget", marker: { color: "@faint", size: 7, symbol: "x-thin-open" } }),
    line,
    report.points(rows.filter((row) => row !== knee), column, { name: "front", marker: { color: "@ink", size: 9 }, ...report.errors(bars, rows, (row) => row !== knee) }),
    report.points(knee === null ? [] : [knee], column, { name: "knee", marker: { color: "@accent", size: 16, symbol: "star" }, ...report.errors(bars, rows, (row) => row === knee) }),
    report.chosenTrace(shown, column),
  ].filter((one) => one.x.length);
  const costs = shown.map((row) => figures[x][row]);
  report.draw("front-plot", { data: traces, height: 460, layout: {
    xaxis: report.costAxis(label(data.axes.costs, x), costs),
    yaxis: { title: { text: report.plotText(label(data.axes.accuracies, y) + (column === y ? "" : ", by the model")) } },
  } });
  document.getElementById("front-count").textContent =
    `${rows.length} on the front of ${shown.length} complete candidates` + (data.rungs.length > 1 ? ` at rung ${rung}.` : ".");
  report.fillFrontTable(rows, knee);
};

report.errors = (bars, rows, wanted) => (bars.error_y ? { error_y: { ...bars.error_y,
  array: bars.error_y.array.filter((_, place) => wanted(rows[place])),
  arrayminus: bars.error_y.arrayminus.filter((_, place) => wanted(rows[place])) } } : {});

report.chosenTrace = (shown, column) => report.points(shown.filter((row) => row === report.front.chosen), column,
  { name: "chosen", marker: { color: "@accent", size: 18, symbol: "circle-open", line: { width: 2.5, color: "@accent" } } });

report.fillFrontTable = (rows, knee) => {
  const { x, y } = report.view(), all = report.sections.front.candidates, { figures } = all, { element } = report;
  const model = figures[y + "_model"], error = figures[y + "_model_se"];
  const head = ["candidate", x, y, ...(model ? ["by the model ± se"] : []), ""];
  const cells = (row) => [report.quantity(figures[x][row]), report.accuracy(figures[y][row]),
    ...(model ? [`${report.accuracy(model[row])} ± ${report.accuracy(error ? error[row] : null)}`] : [])];
  const line = (row) => element("tr", { "data-row": row, class: row === report.front.chosen ? "chosen" : null },
    element("td", {}, element("button", { type: "button", class: "id", onclick: () => report.choose(row) }, all.ids[row])),
    ...cells(row).map((text) => element("td", { class: "number" }, text)), element("td", {}, row === knee ? "knee" : ""));
  document.getElementById("front-table").replaceChildren(
    element("thead", {}, element("tr", {}, ...head.map((text, place) =>
      element("th", { scope: "col", class: place && place < head.length - 1 ? "number" : null }, text)))),
    element("tbody", {}, ...rows.map(line)));
};
