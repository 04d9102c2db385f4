// The value map on the screen: what is drawn, and the controls. page.py joins it with map_styles.js (the library's
// styles), map_labels.js (names beside the centres) and map_answers.js (what is said about one answer) to one strict
// script with a scope of its own. Bokeh draws; plot.py made its models, which are found here by their names.
// Every text from outside is set as text, never as markup.
const byId = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const MARKERS = { o: "circle", s: "square", "^": "triangle", D: "diamond", v: "inverted_triangle", P: "plus",
  X: "hex", p: "square_pin", "*": "star" };
const DASHES = { "-": "solid", "--": "dashed", ":": "dotted", "-.": "dotdash" };
const NAMED = 12; // groups that are named on the map
const NEAR = 12; // pixels between the pointer and what it means
const SHORT = 320; // characters of a text beside the pointer
const MANY = 20000; // answers from which the dots are smaller

const data = JSON.parse(byId("map-data").textContent);
const plot = byId("map-plot"), live = byId("map-live"), tip = byId("map-tip");
const bank = columns((series) => !series.audited), audited = columns((series) => series.audited);
const auditedSeries = data.series.map((series, place) => place).filter((place) => data.series[place].audited);
const order = mixed(bank.x.length);
const hidden = data.groupings.map(() => new Set()), hiddenAudited = new Set();
let by = data.by, colours = {}, view = null, size = null, shown = null, cursor = null, models = null, palette = [];

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

// All numbers below n, in steps of the golden section, so that no group is drawn over all others.
function mixed(n) {
  const divisor = (one, other) => other ? divisor(other, one % other) : one;
  let stride = Math.max(1, Math.round(n * 0.618));
  while (divisor(n, stride) > 1) stride++;
  return Array.from({ length: n }, (_, place) => place * stride % n);
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
  for (const place of filter.bank ? order : []) {
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

const put = (name, rows, columnsOf) => {
  const columns = Object.entries(columnsOf).map(([column, value]) => [column, rows.map(value)]);
  models(name).data = Object.fromEntries(columns);
};

function fill(filter) {
  const grouping = data.groupings[by], few = grouping.labels.length <= NAMED, none = ["c-none", "o"];
  const looks = shown.bank.map((place) => grouping.looks[codeOf(grouping, bank.series[place], bank.question[place])]
    ?? none);
  put("bank", shown.bank, { x: (place) => bank.x[place], y: (place) => bank.y[place],
    colour: (_, row) => palette.indexOf(looks[row][0]), marker: (_, row) => MARKERS[looks[row][1]] });
  const hulls = grouping.hulls.map((hull, code) => [hull, code]).filter(([hull, code]) => filter.hulls
    && hull.length > 2 && shown.groups.has(code));
  put("hulls", hulls, { xs: ([hull]) => hull.map(([x]) => x), ys: ([hull]) => hull.map(([, y]) => y),
    colour: ([, code]) => colours[grouping.looks[code][0]], fill: () => few ? 0.07 : 0, width: () => few ? 1.6 : 1,
    dash: ([, code]) => DASHES[grouping.looks[code][2]] });
  put("audited", shown.audited, { x: (place) => audited.x[place], y: (place) => audited.y[place],
    colour: () => colours.ink, edge: () => colours.paper });
  const centres = shown.centres.map((place) => data.series[place]);
  put("centres", centres, { x: (each) => each.centroid[0], y: (each) => each.centroid[1], colour: () => colours.ink,
    edge: () => colours.paper, marker: (each) => MARKERS[each.shape] });
  const rings = centres.filter((each) => each.ellipse).flatMap(({ ellipse: [x, y, major, minor, angle] }) =>
    [["paper", 4.5], ["ink", 1.8]].map(([colour, line]) => ({ x, y, width: 2 * major, height: 2 * minor,
      angle: angle * Math.PI / 180, colour: colours[colour], line }))); // a light rim, to be seen on any colour
  put("rings", rings, pick("x", "y", "width", "height", "angle", "colour", "line"));
  const named = names();
  put("names", named, { ...pick("x", "y", "text", "across", "down", "colour"), ink: () => colours.ink,
    paper: () => colours.paper });
  put("leads", named, { x0: (each) => each.x, y0: (each) => each.y, x1: (each) => each.x + each.across * view.unit,
    y1: (each) => each.y - each.down * view.unit, colour: (each) => each.colour });
}

const pick = (...keys) => Object.fromEntries(keys.map((key) => [key, (each) => each[key]]));

// Waits until the browser has put the map on the screen.
const painted = () => new Promise((resolve) => {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve)));
});

async function draw() {
  const filter = chosen(), count = (value) => value.toLocaleString("en");
  shown = select(filter);
  const { x_range: xRange, y_range: yRange } = models("plot"), [x, y] = [size.across, size.down];
  xRange.setv({ start: view.x - view.unit * x / 2, end: view.x + view.unit * x / 2 });
  yRange.setv({ start: view.y - view.unit * y / 2, end: view.y + view.unit * y / 2 });
  fill(filter);
  placeRing();
  tip.hidden = true;
  byId("map-status").textContent = `Shown: ${count(shown.bank.length)} of ${count(bank.x.length)} answers of the bank`
    + (auditedSeries.length ? `, ${count(shown.audited.length)} of ${count(audited.x.length)} audited ones.` : ".");
  await painted();
  performance.mark("map-drawn");
}

// -------------------------------------------------------------------------------------------- where it is on the page

function measure() {
  const { left, right, top, bottom } = data.margins, width = Math.max(260, Math.floor(plot.clientWidth));
  const height = Math.round(Math.min(Math.max(width * 0.74, 320), 680));
  size = { width, height, across: width - left - right, down: height - top - bottom };
  models("plot").setv({ frame_width: size.across, frame_height: size.down });
  plot.style.height = `${height}px`;
}

function whole() {
  const [x, y] = ["x", "y"].map((axis) => {
    let low = Infinity, high = -Infinity;
    for (const all of [bank, audited]) {
      for (const value of all[axis]) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return { middle: (low + high) / 2, extent: high - low };
  });
  return { x: x.middle, y: y.middle, unit: 1.05 * Math.max(x.extent / size.across, y.extent / size.down) || 1 };
}

const pixel = (x, y) => [data.margins.left + size.across / 2 + (x - view.x) / view.unit,
  data.margins.top + size.down / 2 - (y - view.y) / view.unit];
const inside = (x, y) => x >= data.margins.left && x <= data.margins.left + size.across && y >= data.margins.top
  && y <= data.margins.top + size.down;

function readColours() {
  const probe = make("span");
  live.append(probe);
  const colour = (name) => {
    probe.className = name;
    return getComputedStyle(probe).color;
  };
  const own = { ink: "audited", paper: "paper", grid: "grid", soft: "soft", focus: "focus", "c-none": "c-none" };
  colours = Object.fromEntries(Object.entries(own).map(([key, name]) => [key, colour(name)]));
  data.groupings.flatMap((grouping) => grouping.looks).forEach(([name]) => (colours[name] ??= colour(name)));
  probe.remove();
  palette = Object.keys(colours);
  models("palette").setv({ palette: Object.values(colours), low: -0.5, high: palette.length - 0.5 });
  const font = getComputedStyle(plot).fontFamily;
  for (const axis of [models("x-axis"), models("y-axis")]) {
    axis.setv({ major_label_text_color: colours.soft, axis_label_text_color: colours.soft, axis_label_text_font: font,
      major_label_text_font: font });
  }
  for (const grid of [models("x-grid"), models("y-grid")]) grid.grid_line_color = colours.grid;
}

// -------------------------------------------------------------------------------------------------------- the controls

function zoom(factor) {
  view = factor ? { ...view, unit: view.unit * factor } : whole();
  draw();
}

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
    const [colourClass, shape] = grouping.looks[code];
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
  plot.addEventListener("pointerup", () => plot.focus({ preventScroll: true })); // the keys go on from there
  const map = models("plot");
  map.on_event("mousemove", (event) => point(event.x, event.y));
  map.on_event("mouseleave", () => { tip.hidden = true; });
  map.on_event("tap", (event) => {
    const meant = nearest(event.x, event.y);
    if (meant) choose(meant);
  });
  map.on_event("panend", () => {
    view = { ...view, x: (map.x_range.start + map.x_range.end) / 2, y: (map.y_range.start + map.y_range.end) / 2 };
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

// The map is one stop of the tabulator, not two.
function keepOut(root) {
  for (const each of root.querySelectorAll("*")) {
    if (each.tabIndex === 0) each.tabIndex = -1;
    if (each.shadowRoot) keepOut(each.shadowRoot);
  }
}

async function start() {
  adoptStyles();
  const library = make("script");
  library.textContent = byId("bokeh").textContent;
  document.body.append(library);
  byId("map-still").classList.add("print");
  live.hidden = false;
  await window.Bokeh.embed.embed_item(data.plot, "map-plot");
  const made = window.Bokeh.documents.at(-1);
  models = (name) => made.get_model_by_name(name);
  keepOut(plot);
  if (matchMedia("(pointer: coarse)").matches) models("plot").toolbar.active_drag = null; // fingers scroll the page
  if (order.length > MANY) models("dots").glyph.size = { value: 4 };
  measure();
  readColours();
  view = whole();
  legend();
  byId("map-said").append(make("p", "note", "Click a dot, or step to one with the arrow keys, to read it here."));
  listen();
  await draw();
}

// The page is there to be read before the library is.
requestAnimationFrame(() => setTimeout(start));
