// Names beside the centres on the map, none over another, over an audited mark or over its ring.
const LONGEST = 34; // letters of a name
const FARTHEST = 360, STRIDE = 6; // pixels between a centre and its name

function names() {
  const grouping = data.groupings[by], marks = shown.centres.map((place) => data.series[place]);
  const narrow = size.width < 520;
  const wanted = narrow && marks.length > 3 ? [] : marks.map((series) => [series.label, series.centroid, colours.ink]);
  if (!narrow && grouping.labels.length <= NAMED) {
    grouping.labels.forEach((label, code) => {
      if (shown.groups.has(code)) wanted.push([label, grouping.centroids[code], colours[grouping.looks[code][0]]]);
    });
  }
  const pen = document.createElement("canvas").getContext("2d"), taken = marks.map(room), found = [];
  pen.font = `12px ${getComputedStyle(plot).fontFamily}`;
  for (const [name, at, colour] of wanted) {
    const text = shortened(name), [x, y] = pixel(...at);
    if (!inside(x, y)) continue;
    const box = free(x, y, pen.measureText(text).width + 16, 24, taken);
    taken.push(box);
    found.push({ x: at[0], y: at[1], text, across: box.x - x, down: box.y - y, colour });
  }
  return found;
}

// Names differ at their end.
function shortened(text) {
  const line = text.replace(/\s+/g, " ");
  return line.length > LONGEST ? `…${line.slice(1 - LONGEST)}` : line;
}

// The box around an audited centre and its ring.
function room(series) {
  const [x, y] = pixel(...series.centroid);
  if (!series.ellipse) return { x, y, w: 20, h: 20 };
  const [, , major, minor, angle] = series.ellipse, turn = angle * Math.PI / 180;
  const reach = (a, b) => Math.max(20, 2 * Math.hypot(major * a, minor * b) / view.unit);
  return { x, y, w: reach(Math.cos(turn), Math.sin(turn)), h: reach(Math.sin(turn), Math.cos(turn)) };
}

// The place nearest to (x, y) for a box that touches none of the others; (x, y) itself where there is none.
function free(x, y, w, h, taken) {
  for (let away = 0; away <= FARTHEST; away += STRIDE) {
    for (let part = 0; part < 16; part++) {
      const box = { w, h, x: x + away * Math.cos(part * Math.PI / 8), y: y + away * Math.sin(part * Math.PI / 8) };
      const fits = inside(box.x - w / 2, box.y - h / 2) && inside(box.x + w / 2, box.y + h / 2);
      const touches = (other) => Math.abs(box.x - other.x) < (w + other.w) / 2
        && Math.abs(box.y - other.y) < (h + other.h) / 2;
      if (fits && !taken.some(touches)) return box;
    }
  }
  return { x, y, w, h };
}
