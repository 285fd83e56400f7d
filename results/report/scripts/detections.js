// The same images with what each network detects, above the chosen score.
report.showDetections = () => {
  const data = report.sections.detections;
  if (!data) return;
  const least = document.getElementById("detections-least");
  const show = () => {
    document.getElementById("detections-value").textContent = Number(least.value).toFixed(2);
    const rows = data.images.map((image) => report.imageRow(data, image, Number(least.value)));
    document.getElementById("detections-images").replaceChildren(...rows.slice(0, 4));
    document.getElementById("detections-more").replaceChildren(...rows.slice(4));
  };
  least.addEventListener("input", show);
  show();
};

report.imageRow = (data, image, least) => {
  const { element } = report;
  const views = [{ name: "objects", boxes: image.objects.map((one) => ({ ...one, kind: "object" })) },
    ...data.networks.map((name, place) => ({ name, boxes: image.detections[place].filter((one) => one.score >= least) }))];
  const row = element("div", { class: "seen" }, ...views.map((view) => element("figure", {}, report.seen(data, image, view),
    element("figcaption", {}, view.name))));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Detections on ${image.name}` }, row);
};

report.seen = (data, image, view) => {
  const drawn = (name, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children);
    return made;
  };
  const [width, height] = image.size || [data.size, data.size];
  const unit = Math.max(width, height) / 100, colours = { object: "#ffffff", found: "#4FC3FF", false: "#FF9F1C" };
  const boxes = view.boxes.flatMap((one) => {
    const [left, top, right, bottom] = one.box, colour = colours[one.kind];
    const label = data.classes[one.label - 1] + (one.score === undefined ? "" : ` ${one.score.toFixed(2)}`);
    const short = label.length > 18 ? label.slice(0, 17) + "…" : label;
    const edge = Math.max(top, 6.4 * unit);
    const shape = { x: left, y: top, width: Math.max(right - left, 0), height: Math.max(bottom - top, 0), fill: "none" };
    return [drawn("rect", { ...shape, stroke: "#000", "stroke-opacity": 0.55, "stroke-width": 2.4 * unit }),
      drawn("rect", { ...shape, stroke: colour, "stroke-width": 1.2 * unit, ...(one.kind === "false" ? { "stroke-dasharray": `${3 * unit} ${2 * unit}` } : {}) },
        drawn("title", {}, label)),
      drawn("path", { d: `M${Math.max(left, 0)} ${edge}v${-6.4 * unit}h${(2 + 2.9 * short.length) * unit}v${6.4 * unit}z`, fill: "#000", "fill-opacity": 0.6 }),
      drawn("text", { x: Math.max(left, 0) + unit, y: edge - 1.5 * unit, fill: colour, "font-size": 5.4 * unit, "font-family": "system-ui, sans-serif" }, short)];
  });
  return drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${view.name}: ${view.boxes.length} boxes` },
    drawn("image", { href: `data:image/jpeg;base64,${image.jpeg}`, width, height }), ...boxes);
};
