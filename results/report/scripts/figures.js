// Figures: plotly, in the colours of the page.
report.theme = () => {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["paper", "raised", "ink", "muted", "faint", "line", "accent"].map(
    (name) => [name, style.getPropertyValue("--" + name).trim()]));
};

// A copy in which the theme's colours stand for "@ink" and its like, under the keys of colours only.
report.coloured = (value, theme, key = "") => {
  if (Array.isArray(value)) return value.map((one) => report.coloured(one, theme, key));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, report.coloured(one, theme, name)]));
  }
  return key === "color" && typeof value === "string" && value[0] === "@" ? theme[value.slice(1)] : value;
};

report.axis = (theme, given = {}) => ({
  gridcolor: theme.line, zerolinecolor: theme.faint, linecolor: theme.faint, tickcolor: theme.faint,
  automargin: true, ...given, title: { standoff: 10, ...(given.title || {}) },
});

report.layout = (theme, given, height) => {
  const axes = Object.keys(given).filter((name) => /^[xy]axis\d*$/.test(name));
  return {
    height, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest",
    font: { color: theme.ink, size: 12.5, family: "system-ui, -apple-system, Segoe UI, Roboto, sans-serif" },
    margin: { l: 8, r: 12, t: 14, b: 8 }, colorway: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"],
    hoverlabel: { bgcolor: theme.raised, bordercolor: theme.faint, font: { color: theme.ink }, align: "left" },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, xanchor: "left", font: { size: 12 } },
    ...given,
    ...Object.fromEntries((axes.length ? axes : ["xaxis", "yaxis"]).map(
      (name) => [name, report.axis(theme, given[name])])),
  };
};

report.draw = (id, figure) => {
  const theme = report.theme(), place = document.getElementById(id);
  const layout = report.layout(theme, report.coloured(figure.layout, theme), figure.height);
  const options = { responsive: true, displaylogo: false, displayModeBar: false };
  return Plotly.react(place, report.coloured(figure.data, theme), layout, options);
};

report.showFigures = () => {
  const all = () => Object.entries(report.figures).forEach(([id, figure]) => report.draw(id, figure));
  all();
  report.onTheme.push(all);
};
