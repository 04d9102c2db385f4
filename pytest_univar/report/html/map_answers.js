// What is said about the answer under the pointer, or about the one that the keyboard has come to.
function meaning(all, place) {
  const series = data.series[all.series[place]], row = all.row[place], code = all.question[place];
  const known = data.texts[series.asked[row] ?? data.known[code]];
  return { x: all.x[place], y: all.y[place], series, id: data.questions[code], question: known,
    answer: series.answers[row] };
}

function centre(place) {
  const series = data.series[place];
  return { x: series.centroid[0], y: series.centroid[1], series };
}

function lines(meant, length) {
  const whole = (text) => text.replace(/[\ud800-\udbff]$/, ""); // no half letters
  const cut = (text) => text.length > length ? `${whole(text.slice(0, length)).trimEnd()}…` : text;
  const { series } = meant, head = make("p", "who"), found = [head];
  head.append(make("bdi", "", series.label), `, ${series.languageName}${series.audited ? ", audited" : ", bank"}`);
  if (!meant.id) {
    found.push(make("p", "", `centre of ${series.n.toLocaleString("en")} answers`));
    return found;
  }
  const entry = (term, text, className) => {
    const line = make("div", className);
    line.append(make("span", "term", term));
    const body = make("div", "said", cut(text));
    body.dir = "auto";
    line.append(body);
    found.push(line);
  };
  entry(meant.question ? "Question" : "Question (its id; the bank holds no text)", meant.question ?? meant.id, "q");
  if (meant.answer !== undefined) entry("Answer", meant.answer, "a");
  else if (Number.isFinite(length)) found.push(make("p", "note", "Answers of the bank are not in this report."));
  return found;
}

function show(meant) {
  byId("map-said").replaceChildren(...lines(meant, Infinity));
  byId("map-said").scrollTop = 0;
}

// What is drawn nearest to a place on the map; of what lies there, the larger marks on top come first. null: nothing.
function nearest(x, y) {
  let best = NEAR * view.unit, found = null;
  for (const place of shown.centres) {
    const [otherX, otherY] = data.series[place].centroid, away = Math.hypot(otherX - x, otherY - y) - 8 * view.unit;
    if (away < best) [best, found] = [away, () => centre(place)];
  }
  for (const [all, places, radius] of [[audited, shown.audited, 4], [bank, shown.bank, 0]]) {
    for (const place of places) {
      const away = Math.hypot(all.x[place] - x, all.y[place] - y) - radius * view.unit;
      if (away < best) [best, found] = [away, () => ({ ...meaning(all, place), stop: [all, place] })];
    }
  }
  return found?.() ?? null;
}

function point(x, y) {
  const meant = nearest(x, y);
  if (meant) showTip(meant);
  else tip.hidden = true;
}

function showTip(meant) {
  tip.replaceChildren(...lines(meant, SHORT));
  if (meant.answer?.length > SHORT) tip.append(make("p", "note", "Click to read the whole answer."));
  tip.hidden = false;
  const [x, y] = pixel(meant.x, meant.y), box = plot.parentElement.getBoundingClientRect();
  const left = Math.min(Math.max(0, x + 16), Math.max(0, box.width - tip.offsetWidth));
  const below = y + 16 + tip.offsetHeight < window.innerHeight - box.top || y - 16 - tip.offsetHeight < -box.top;
  tip.style.left = `${left}px`;
  tip.style.top = `${below ? y + 16 : y - 16 - tip.offsetHeight}px`;
}

function placeRing() {
  put("cursor", cursor ? [cursor] : [], { ...pick("x", "y"), colour: () => colours.focus });
}

function choose(meant) {
  cursor = meant;
  show(meant);
  if (!inside(...pixel(meant.x, meant.y))) {
    view = { ...view, x: meant.x, y: meant.y };
    draw();
  }
  placeRing();
}

// Audited models first, then the bank's; within each from left to right.
function stops() {
  const found = new Map();
  for (const [all, places] of [[audited, shown.audited], [bank, shown.bank]]) {
    for (const place of places) {
      const series = all.series[place];
      if (!found.has(series)) found.set(series, []);
      found.get(series).push([all, place]);
    }
  }
  for (const list of found.values()) list.sort(([all, one], [, other]) => all.x[one] - all.x[other]);
  return [...found.values()];
}

function walk(key) {
  const lists = stops();
  if (!lists.length) return;
  let list = 0, row = 0;
  if (cursor?.stop) {
    list = lists.findIndex((each) => each.some(([all, place]) => all === cursor.stop[0] && place === cursor.stop[1]));
    if (list < 0) list = 0;
    else {
      row = lists[list].findIndex(([all, place]) => all === cursor.stop[0] && place === cursor.stop[1]);
      if (key === "ArrowDown" || key === "ArrowUp") {
        list = (list + (key === "ArrowDown" ? 1 : -1) + lists.length) % lists.length;
        row = 0;
      } else row = (row + (key === "ArrowRight" ? 1 : -1) + lists[list].length) % lists[list].length;
    }
  }
  const stop = lists[list][row], meant = meaning(...stop);
  choose({ ...meant, stop });
  const { series } = meant, text = meant.question ?? `question ${meant.id}`;
  byId("map-spoken").textContent = `${series.label}, ${row + 1} of ${lists[list].length}. ${text}`
    + (meant.answer ? ` Answer: ${meant.answer.slice(0, SHORT)}` : "");
}
