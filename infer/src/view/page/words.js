// What the page says of its clip, which controls it has, and how it starts.

/** Shows the parts that the clip has something for. */
function arrange() {
  const { sets, tracks } = clip;
  document.body.classList.toggle("poses-alone", !hasKeypoints && clip.frames.length > 0);
  byId("image").parentElement.hidden = !hasKeypoints && clip.frames.length > 0;
  byId("compare").hidden = sets.length < 2;
  byId("sigma").parentElement.hidden = !sets.some(({ hasSigma }) => hasSigma);
  byId("charts").hidden = !sets.some(({ hasAngles }) => hasAngles);
  document.body.classList.toggle("angles", !byId("charts").hidden);
  byId("person").parentElement.hidden = byId("charts").hidden || tracks.length < 2;
  byId("person").replaceChildren(...tracks.map((track) => option(`#${track}`)));
  // In a wide room people would be small.
  const { isPlaced, isFloor, whole, near } = space.scene;
  byId("follow").parentElement.hidden = !isPlaced;
  byId("follow").checked = isPlaced && whole.radius > 1.6 * near.radius;
  // On a floor that is known people stand where they were found.
  byId("grounded").checked = !(isFloor && space.isLevel);
  const charts = byId("charts");
  while (charts.children.length < CHARTS) charts.append(charts.firstElementChild.cloneNode(true));
  document.querySelectorAll(".chart select").forEach((select, number) => {
    select.replaceChildren(...angles.quantities.map(({ title }) => option(title)));
    select.selectedIndex = number;
  });
}

function option(text) {
  return Object.assign(document.createElement("option"), { textContent: text });
}

function describe() {
  const { info, frames, tracks, sets } = clip;
  const seconds = frames.length ? frames[last].time - frames[0].time + 1 / clip.fps : 0;
  const amount = `${frames.length} ${frames.length === 1 ? "frame" : "frames"}, ${seconds.toFixed(1)} s`;
  byId("title").replaceChildren(info.title, small(amount));
  byId("strip").setAttribute("aria-valuemax", Math.max(0, last));
  const { layout } = info;
  const { skeleton } = sets[0];
  const joints = layout?.joints.length ?? frames.find(({ people }) => people.length)?.people[0].count;
  byId("image-caption").textContent = `2D key points · ${layout?.name ?? "own layout"}${joints ? `, ${joints} joints` : ""}`;
  const apart = space.scene.isPlaced ? " · with root path" : tracks.length > 1 ? ` · set apart${hasKeypoints ? " as in the image" : ""}` : "";
  byId("space-caption").textContent = `3D · ${skeleton.name}, ${skeleton.joints.length} joints · grid ${gridText()}${apart}`;
  byId("legend").replaceChildren(...legend(tracks).map(([name, colour]) => swatch(name, colour)));
  byId("facts").replaceChildren(...Object.entries({
    model: common(({ model }) => model),
    unit: common(({ unit }) => unit),
    axes: common(({ axes }) => `${axes}: ${AXES[axes].map(([name]) => name).join(", ")}`),
    fps: clip.rate ? Number(clip.rate.toFixed(3)) : clip.timed ? `${clip.timed}, by the frames' times` : "unknown, played at 30",
    "ran on": common(({ device }) => device),
  }).filter(([, text]) => text).map(([term, text]) => fact(term, text)));
  byId("assumed").hidden = !clip.notes.length;
  byId("notes").replaceChildren(...clip.notes.map((note) => {
    return Object.assign(document.createElement("li"), { textContent: note });
  }));
}

/** What sets have in common, or each of them by its name. */
function common(of) {
  const texts = clip.sets.map(of);
  if (texts.every((text) => text === texts[0])) return texts[0];
  return clip.sets.map((set, at) => `${set.name} ${texts[at] || "unknown"}`).join("; ");
}

function gridText() {
  const { step: length } = byId("follow").checked ? space.scene.near : space.scene.whole;
  const isKnown = clip.sets.every(({ metres }) => metres);
  return `${Number(length.toPrecision(1))}${isKnown ? " m" : unitText(clip.sets[0])}`;
}

function legend(tracks) {
  const { palette } = state;
  if (clip.sets.length > 1) return clip.sets.map((set) => [set.name, colourOf(clip, palette, set, 0, "left")]);
  if (tracks.length < 2) return [["left", palette.left], ["right", palette.right], ["middle", palette.middle]];
  const named = tracks.slice(0, 8).map((track) => [`#${track}`, colourOf(clip, palette, null, track, "left")]);
  return tracks.length > 8 ? [...named, [`and ${tracks.length - 8} more`, palette.faint]] : named;
}

function swatch(name, colour) {
  const item = document.createElement("li");
  const mark = document.createElement("i");
  mark.style.background = colour;
  item.append(mark, name);
  return item;
}

function fact(term, text) {
  const pair = document.createElement("div");
  const [name, value] = ["dt", "dd"].map((tag) => document.createElement(tag));
  name.textContent = term;
  value.textContent = text;
  pair.append(name, value);
  return pair;
}

/** Starts as the address asks: `#frame=120&play=0&look=side&yaw=0.5&pitch=0.2&zoom=2&close=1&overlay=1`. */
function start() {
  const wish = new URLSearchParams(location.hash.slice(1));
  if (LOOKS[wish.get("look")]) Object.assign(space.eye, LOOKS[wish.get("look")]);
  state.close = wish.get("close") === "1";
  compare(wish.get("overlay") === "1");
  for (const name of ["yaw", "pitch", "zoom"]) {
    if (Number.isFinite(parseFloat(wish.get(name)))) space.eye[name] = parseFloat(wish.get(name));
  }
  const asked = clip.frames.findIndex(({ index }) => index >= Number(wish.get("frame") ?? 0));
  seek(asked < 0 ? last : asked);
  const still = wish.get("play") === "0" || matchMedia("(prefers-reduced-motion: reduce)").matches;
  play(!still);
}
