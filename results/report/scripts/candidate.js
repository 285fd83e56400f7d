// One candidate: its figures, its layers, its JSON and the command that retrains it.
report.startCandidates = () => {
  const all = report.sections.front.candidates, find = document.getElementById("candidate-find");
  const ids = [...new Set(all.ids)];
  document.getElementById("candidate-ids").replaceChildren(
    ...ids.slice(0, 2000).map((id) => report.element("option", { value: id })));
  find.addEventListener("change", () => {
    const wanted = find.value.trim(), { rung } = report.view();
    const fitting = all.ids.map((_, row) => row).filter((row) => wanted && all.ids[row].startsWith(wanted));
    const best = fitting.find((row) => all.rungs[row] === rung);
    if (fitting.length) report.choose(best === undefined ? fitting[0] : best);
    else document.getElementById("candidate-detail").replaceChildren(report.element("p", {}, `No id begins with ${wanted}.`));
  });
};

// A click may be far from where the candidate is described, as below it or on a narrow screen.
report.choose = (row) => {
  report.show(row);
  const described = document.getElementById("candidate");
  described.scrollTop = 0;
  described.scrollIntoView({ block: "nearest" });
};

report.show = (row) => {
  report.front.chosen = row;
  report.drawFront();
  report.showCandidate(row);
};

report.knobs = (row) => report.sections.front.candidates.knobs
  .filter((knob) => knob.codes[row] >= 0)
  .map((knob) => [knob.name, knob.values[knob.codes[row]]]);

// The values are JSON already, so that 1 and 1.0 stay what they were.
report.candidateJson = (row) =>
  `{\n${report.knobs(row).map(([name, value]) => `  ${JSON.stringify(name)}: ${value}`).join(",\n")}\n}`;

report.figureRows = (row) => {
  const { candidates: all, axes } = report.sections.front;
  const accuracies = new Set(axes.accuracies.map((one) => one.name)), costs = new Set(axes.costs.map((one) => one.name));
  return Object.entries(all.figures).filter(([, values]) => values[row] !== null).flatMap(([name, values]) => {
    if (costs.has(name)) return [[name, report.quantity(values[row])]];
    if (accuracies.has(name)) {
      const model = all.figures[name + "_model"], error = all.figures[name + "_model_se"];
      const expected = model && model[row] !== null ? ` (model ${report.accuracy(model[row])} ± ${report.accuracy(error ? error[row] : null)})` : "";
      return [[name, report.accuracy(values[row]) + expected]];
    }
    return name.startsWith("seconds_") ? [[name.replace("seconds_", "") + ", s", values[row].toFixed(1)]] : [];
  });
};

report.pairsTable = (pairs) => report.element("table", {}, report.element("tbody", {}, ...pairs.map(([name, value, colour]) =>
  report.element("tr", {}, report.element("td", {}, name), report.element("td", {},
    ...(colour ? [report.element("span", { class: "chip", style: `background:${colour}` })] : []), value)))));

// A run that was passed on can have any id, and what is copied goes into a shell.
report.shellWord = (text) => (/^[\w.+-]+$/.test(text) ? text : `'${text.replace(/'/g, `'"'"'`)}'`);

report.showCandidate = (row) => {
  const all = report.sections.front.candidates, { element } = report;
  const colours = Object.fromEntries(all.methods.map((one) => [one.name, one.colour]));
  const shown = Object.fromEntries(report.knobs(row).map(([name, value]) => [name, String(JSON.parse(value))]));
  const layers = all.layers.filter((name) => name in shown).map((name) => [name.slice(6), shown[name], colours[shown[name]]]);
  const others = Object.entries(shown).filter(([name]) => !name.startsWith("layer/"));
  const json = report.candidateJson(row), command = all.command + report.shellWord(all.ids[row]);
  const rung = report.sections.front.rungs.length > 1 ? `, scored at rung ${all.rungs[row]}` : "";
  const part = (title, text) => [element("div", { class: "copy" }, element("b", {}, title), report.copyButton(text)), element("pre", { tabindex: "0" }, text)];
  document.getElementById("candidate-find").value = all.ids[row];
  document.getElementById("candidate-detail").replaceChildren(
    element("h3", {}, `Candidate ${all.ids[row]}${rung}`),
    ...(all.complete[row] ? [] : [element("p", { class: "missing" }, `It failed: ${all.reasons[row] || "no reason is recorded"}`)]),
    ...part("Retrain it", command),
    element("h3", {}, "Layers"), report.pairsTable(layers),
    ...(others.length ? [element("h3", {}, "Teachers and weights"), report.pairsTable(others)] : []),
    element("h3", {}, "Figures"), report.pairsTable(report.figureRows(row)),
    ...part("Its JSON", json));
};
