// The value map on the screen: what is drawn, and the controls. page.py joins it with map_labels.js (names beside the
// centres) and map_answers.js (what is said about one answer) to one strict script with a scope of its own.
// Every text from outside is set as text, never as markup.
const byId = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const MARGIN = { l: 52, r: 10, t: 10, b: 46 };
const SYMBOLS = { o: "circle", s: "square", "^": "triangle-up", D: "diamond", v: "triangle-down", P: "cross", X: "x",
  p: "pentagon", "*": "star" };
const DASHES = { "-": "solid", "--": "dash", ":": "dot", "-.": "dashdot" };
const NAMED = 12; // groups that are named on the map
const MANY = 10000; // answers from which SVG would be slow
const SEVERAL = 24; // groups from which shapes are left out with WebGL
const SHORT = 320; // characters of a text beside the pointer

const data = JSON.parse(byId("map-data").textContent);
const plot = byId("map-plot"), live = byId("map-live"), tip = byId("map-tip"), ring = byId("map-ring");
const bank = columns((series) => !series.audited), audited = columns((series) => series.audited);
const auditedSeries = data.series.map((series, place) => place).filter((place) => data.series[place].audited);
const webgl = bank.x.length > MANY && hasWebGL();
const step = bank.x.length > MANY && !webgl ? Math.ceil(bank.x.length / MANY) : 1;
const hidden = data.groupings.map(() => new Set()), hiddenAudited = new Set();
const coarse = matchMedia("(pointer: coarse)").matches;
let by = data.by, colours = {}, view = null, size = null, shown = { bank: [], audited: [] }, cursor = null;

function columns(wanted) {
  const all = { x: [], y: [], series: [], row: [], question: [] };
  data.series.forEach((series, place) => {
    if (!wanted(series)) return;
    for (let row = 0; row < series.x.length; row++) {
      all.x.push(series.x[row]);
      all.y.push(series.y[row]);
      all.series.push(place);
      all.row.push(row);
      all.question.push(series.question[row]);
    }
  });
  return all;
}

function hasWebGL() {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl"));
  } catch {
    return false;
  }
}

// ---------------------------------------------------------------------------------------------------- what is drawn

const codeOf = (grouping, series, question) => grouping.codes[grouping.of === "series" ? series : question];

function chosen() {
  const [place, code] = byId("map-region")?.value ? byId("map-region").value.split(":").map(Number) : [-1, -1];
  return {
    language: byId("map-language").value, llm: byId("map-llm").value, region: data.groupings[place], code,
    keep: byId("map-keep")?.checked ?? false, bank: byId("map-show-bank").checked,
    hulls: byId("map-show-hulls").checked, audited: byId("map-show-audited")?.checked ?? false,
  };
}

function passes(filter, place, question) {
  const series = data.series[place];
  if (series.audited && hiddenAudited.has(place)) return false;
  if (series.audited && filter.keep) return true;
  return (!filter.language || series.language === filter.language) && (!filter.llm || series.llm === filter.llm)
    && (!filter.region || codeOf(filter.region, place, question) === filter.code);
}

function select(filter) {
  const grouping = data.groupings[by], found = { bank: [], audited: [], groups: new Set() };
  for (let place = 0; filter.bank && place < bank.x.length; place += step) {
    const code = codeOf(grouping, bank.series[place], bank.question[place]);
    if (hidden[by].has(code) || !passes(filter, bank.series[place], bank.question[place])) continue;
    found.bank.push(place);
    found.groups.add(code);
  }
  for (let place = 0; filter.audited && place < audited.x.length; place++) {
    if (passes(filter, audited.series[place], audited.question[place])) found.audited.push(place);
  }
  found.centres = auditedSeries.filter((place) => passes(filter, place, null));
  if (!filter.bank) grouping.labels.forEach((_, code) => hidden[by].has(code) || found.groups.add(code));
  return found;
}

function traces() {
  const of = (name, all, places, marker, type = "scatter") => ({
    name, type, mode: "markers", hoverinfo: "none", marker, customdata: places,
    x: places.map((place) => all.x[place]), y: places.map((place) => all.y[place]),
  });
  const centres = shown.centres.map((place) => data.series[place]);
  return [
    ...bankTraces(of),
    of("audited", audited, shown.audited, { size: 6, opacity: 0.9, color: colours.ink,
      line: { width: 1, color: colours.paper } }),
    { name: "centre", type: "scatter", mode: "markers", hoverinfo: "none", customdata: shown.centres,
      x: centres.map((each) => each.centroid[0]), y: centres.map((each) => each.centroid[1]),
      marker: { size: 15, color: colours.ink, symbol: centres.map((each) => SYMBOLS[each.shape]), opacity: 1,
        line: { width: 1.5, color: colours.paper } } },
  ];
}

// Colour and shape of each group; with WebGL and many groups the colour alone, as every look takes time there.
const looksOf = (grouping) => webgl && grouping.looks.length > SEVERAL
  ? grouping.looks.map(([name, , line]) => [name, "o", line]) : grouping.looks;

// One trace in which no group hides the others; with WebGL one for each look, since there many looks in one are slow.
function bankTraces(of) {
  const grouping = data.groupings[by], none = ["c-none", "o"], looks = new Map();
  const lookOf = (place) => looksOf(grouping)[codeOf(grouping, bank.series[place], bank.question[place])] ?? none;
  const marker = (color, symbol) => ({ size: webgl ? 4 : 5.5, opacity: 0.6, line: { width: 0 }, color, symbol });
  if (!webgl) {
    const all = shown.bank.map(lookOf);
    return [of("bank", bank, shown.bank, marker(all.map(([name]) => colours[name]), all.map((each) => SYMBOLS[each[1]])))];
  }
  for (const place of shown.bank) {
    const [name, shape] = lookOf(place), key = name + shape;
    if (!looks.has(key)) looks.set(key, [marker(colours[name], SYMBOLS[shape]), []]);
    looks.get(key)[1].push(place);
  }
  return [...looks.values()].map(([own, places]) => of("bank", bank, places, own, "scattergl"));
}

function shapes(filter) {
  const grouping = data.groupings[by], few = grouping.labels.length <= NAMED, drawn = [];
  const path = (points) => `M${points.map((point) => point.join(",")).join("L")}Z`;
  grouping.hulls.forEach((hull, code) => {
    if (!filter.hulls || hull.length < 3 || !shown.groups.has(code)) return;
    const [name, , line] = grouping.looks[code], colour = colours[name];
    drawn.push({ type: "path", path: path(hull), layer: "below",
      fillcolor: few ? colour.replace("rgb(", "rgba(").replace(")", ", 0.07)") : "rgba(0,0,0,0)",
      line: { color: colour, width: few ? 1.6 : 1, dash: DASHES[line] } });
  });
  for (const place of shown.centres) {
    if (!data.series[place].ellipse) continue;
    const [x, y, major, minor, angle] = data.series[place].ellipse, turn = angle * Math.PI / 180, points = [];
    for (let part = 0; part < 64; part++) {
      const along = major * Math.cos(part * Math.PI / 32), across = minor * Math.sin(part * Math.PI / 32);
      points.push([x + along * Math.cos(turn) - across * Math.sin(turn),
        y + along * Math.sin(turn) + across * Math.cos(turn)]);
    }
    for (const [color, width] of [[colours.paper, 4.5], [colours.ink, 1.8]]) {
      drawn.push({ type: "path", path: path(points), layer: "above", line: { color, width } });
    }
  }
  return drawn;
}

// ------------------------------------------------------------------------------------------ where it is on the page

function measure() {
  const width = Math.max(260, Math.floor(plot.clientWidth));
  size = { width, height: Math.round(Math.min(Math.max(width * 0.74, 320), 680)) };
  size.across = size.width - MARGIN.l - MARGIN.r;
  size.down = size.height - MARGIN.t - MARGIN.b;
}

function whole() {
  const points = data.series.flatMap((series) => [series.centroid]);
  const extent = [bank.x.concat(audited.x), bank.y.concat(audited.y)].map((values, axis) => {
    let low = points[0][axis], high = low;
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return [low, high];
  });
  const [x, y] = extent.map(([low, high]) => (low + high) / 2);
  const unit = Math.max((extent[0][1] - extent[0][0]) / size.across, (extent[1][1] - extent[1][0]) / size.down) || 1;
  return { x, y, unit: unit * 1.04 };
}

const ranges = () => [
  [view.x - view.unit * size.across / 2, view.x + view.unit * size.across / 2],
  [view.y - view.unit * size.down / 2, view.y + view.unit * size.down / 2],
];
const pixel = (x, y) => [MARGIN.l + size.across / 2 + (x - view.x) / view.unit,
  MARGIN.t + size.down / 2 - (y - view.y) / view.unit];
const inside = (x, y) => x >= MARGIN.l && x <= size.width - MARGIN.r && y >= MARGIN.t
  && y <= size.height - MARGIN.b;

function readColours() {
  const probe = make("span");
  live.append(probe);
  const colour = (name) => {
    probe.className = name;
    return getComputedStyle(probe).color;
  };
  colours = { ink: colour("audited"), paper: colour("paper"), grid: colour("grid"), "c-none": colour("c-none") };
  data.groupings.flatMap((grouping) => grouping.looks).forEach(([name]) => (colours[name] ??= colour(name)));
  probe.remove();
}

function layout(filter) {
  const [x, y] = ranges();
  const title = (axis) => data.explained
    ? `component ${axis + 1} (${(100 * data.explained[axis]).toFixed(1)} % of the differences)` : "";
  const line = (axis, range) => ({ range, gridcolor: colours.grid, zeroline: false, ticks: "", nticks: 7,
    showticklabels: Boolean(data.explained), fixedrange: coarse, title: { text: title(axis), standoff: 8 } });
  return {
    width: size.width, height: size.height, margin: MARGIN, hovermode: "closest", hoverdistance: 14, showlegend: false,
    dragmode: coarse ? false : "pan", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(plot).fontFamily, size: 12, color: colours.ink },
    xaxis: line(0, x), yaxis: line(1, y), shapes: shapes(filter), annotations: annotations(),
  };
}

function draw() {
  const filter = chosen();
  shown = select(filter);
  const config = { displayModeBar: false, showTips: false, doubleClick: false, scrollZoom: false,
    plotGlPixelRatio: Math.ceil(devicePixelRatio) };
  const done = window.Plotly.react(plot, traces(), layout(filter), config);
  const total = Math.ceil(bank.x.length / step), number = (value) => value.toLocaleString("en");
  byId("map-status").textContent = `Shown: ${number(shown.bank.length)} of ${number(total)} answers of the bank`
    + (auditedSeries.length ? `, ${number(shown.audited.length)} of ${number(audited.x.length)} audited ones.` : ".")
    + (step > 1 ? " This browser draws without WebGL, so fewer than there are." : "");
  tip.hidden = true;
  placeRing();
  return done.then(() => performance.mark("map-drawn"));
}

function zoom(factor) {
  view = factor ? { ...view, unit: view.unit * factor } : whole();
  draw();
}

// ----------------------------------------------------------------------------------------------------- the controls

function swatch(colourClass, shape) {
  const of = "http://www.w3.org/2000/svg", picture = document.createElementNS(of, "svg");
  const use = document.createElementNS(of, "use");
  picture.setAttribute("class", `swatch ${colourClass}`);
  picture.setAttribute("viewBox", "-7 -7 14 14");
  picture.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#shape-${shape.codePointAt(0)}`);
  picture.append(use);
  return picture;
}

function entry(picture, label, count, set, key) {
  const button = make("button", "entry");
  button.type = "button";
  button.setAttribute("aria-pressed", String(!set.has(key)));
  button.append(picture, make("bdi", "", label), make("span", "count", count.toLocaleString("en")));
  button.addEventListener("click", () => {
    if (!set.delete(key)) set.add(key);
    button.setAttribute("aria-pressed", String(!set.has(key)));
    draw();
  });
  return button;
}

function legend() {
  const grouping = data.groupings[by], box = byId("map-legend"), set = hidden[by];
  const parts = [];
  if (auditedSeries.length) {
    parts.push(make("p", "legend-title", "audited"));
    for (const place of auditedSeries) {
      const series = data.series[place];
      parts.push(entry(swatch("audited", series.shape), series.label, series.n, hiddenAudited, place));
    }
  }
  parts.push(make("p", "legend-title", `bank, by ${grouping.title}`));
  if (grouping.labels.length > 1) {
    const row = make("div", "all-none");
    for (const [text, hide] of [["all", false], ["none", true]]) {
      const button = make("button", "", text);
      button.type = "button";
      button.addEventListener("click", () => {
        set.clear();
        if (hide) grouping.labels.forEach((_, code) => set.add(code));
        if (hide) set.add(data.nowhere);
        legend();
        draw();
      });
      row.append(button);
    }
    parts.push(row);
  }
  grouping.labels.forEach((label, code) => {
    const [colourClass, shape] = looksOf(grouping)[code];
    parts.push(entry(swatch(colourClass, shape), label, grouping.counts[code], set, code));
  });
  box.replaceChildren(...parts);
}

function listen() {
  byId("map-by").addEventListener("change", (event) => {
    by = Number(event.target.value);
    legend();
    draw();
  });
  for (const control of live.querySelectorAll("select:not(#map-by), input")) control.addEventListener("change", draw);
  byId("map-in").addEventListener("click", () => zoom(1 / 1.5));
  byId("map-out").addEventListener("click", () => zoom(1.5));
  byId("map-whole").addEventListener("click", () => zoom(0));
  plot.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith("Arrow")) walk(event.key);
    else if (event.key === "+") zoom(1 / 1.5);
    else if (event.key === "-") zoom(1.5);
    else if (event.key === "0") zoom(0);
    else if (event.key === "Escape") {
      cursor = null;
      placeRing();
      tip.hidden = true;
    } else return;
    event.preventDefault();
  });
  plot.on("plotly_hover", (event) => showTip(meantBy(event.points[0])));
  plot.on("plotly_unhover", () => { tip.hidden = true; });
  plot.on("plotly_click", (event) => {
    const [{ data: { name }, customdata }] = event.points;
    const stop = name === "centre" ? undefined : [name === "bank" ? bank : audited, customdata];
    choose({ ...meantBy(event.points[0]), stop });
  });
  plot.on("plotly_relayout", (event) => {
    if (event["xaxis.range[0]"] === undefined) return; // not moved by hand
    view = { ...view, x: (event["xaxis.range[0]"] + event["xaxis.range[1]"]) / 2,
      y: (event["yaxis.range[0]"] + event["yaxis.range[1]"]) / 2 };
    draw();
  });
  const redraw = () => {
    readColours();
    draw();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.addEventListener("theme", redraw);
  new ResizeObserver(() => {
    if (!plot.clientWidth || Math.abs(plot.clientWidth - size.width) < 2) return;
    const before = size.across;
    measure();
    view = { ...view, unit: view.unit * before / size.across };
    draw();
  }).observe(plot.parentElement);
}

function start() {
  const library = make("script");
  library.textContent = byId("plotly").textContent;
  document.body.append(library);
  byId("map-still").classList.add("print");
  live.hidden = false;
  readColours();
  measure();
  view = whole();
  legend();
  byId("map-said").append(make("p", "note", "Click a dot, or step to one with the arrow keys, to read it here."));
  draw().then(listen);
}

// The page is there to be read before the library is.
requestAnimationFrame(() => setTimeout(start));
