// Time, controls and the page's words.

const byId = (id) => document.getElementById(id);
const clip = readClip(byId("clip").textContent);
const last = clip.frames.length - 1;
const drawImage = imageView(byId("image"), clip);
const space = spaceView(byId("space"), clip);
const state = { at: 0, playing: false, clock: 0, close: false, palette: readPalette(), spots: { image: [], space: [] } };
const EMPTY = { index: 0, time: 0, size: null, people: [], poses: [] };

describe();
listen();
start();

// --- one frame ---------------------------------------------------------------

function paint() {
  const frame = clip.frames[state.at] ?? EMPTY;
  state.spots.image = drawImage(frame, state.palette, state.close);
  state.spots.space = space.draw(frame, state.palette, byId("grounded").checked);
  drawStrip();
}

function show() {
  paint();
  const frame = clip.frames[state.at] ?? EMPTY;
  notice("image-notice", clip.frames.length === 0 ? "No frames" : frame.people.length ? "" : "No person in this frame");
  notice("space-notice", frame.poses.length || clip.frames.length === 0 ? "" : frame.people.length ? "Too little seen to lift" : "No person to lift");
  const scores = frame.poses.map(({ score }) => score.toFixed(2)).join(", ");
  byId("clock").replaceChildren(`${frame.time.toFixed(2)} s`, small(`frame ${frame.index}${scores && ` · score ${scores}`}`));
  const strip = byId("strip");
  strip.setAttribute("aria-valuenow", state.at);
  strip.setAttribute("aria-valuetext", `frame ${frame.index}, ${frame.time.toFixed(2)} seconds`);
}

function notice(id, text) {
  byId(id).hidden = !text;
  byId(id).textContent = text;
}

function small(text) {
  return Object.assign(document.createElement("small"), { textContent: text });
}

/** The clip at a glance: score over time, frames without people tinted, and where we are. */
function drawStrip() {
  const { context, width, height } = freshContext(byId("strip"));
  const { palette } = state;
  const step = width / Math.max(1, clip.frames.length);
  clip.frames.forEach(({ poses }, at) => {
    const mean = poses.reduce((sum, { score }) => sum + score, 0) / (poses.length || 1);
    context.fillStyle = poses.length ? palette.accent : palette.gap;
    context.globalAlpha = poses.length ? 0.3 : 1;
    const high = poses.length ? Math.max(2, mean * (height - 8)) : height;
    context.fillRect(at * step, height - high, step + 0.5, high);
  });
  context.globalAlpha = 1;
  const x = (state.at + 0.5) * step;
  if (last >= 0) line(context, [x, 1], [x, height - 1], palette.ink, 2);
}

// --- time --------------------------------------------------------------------

function seek(at) {
  state.at = Math.max(0, Math.min(last, Math.round(at)));
  state.clock = clip.frames[state.at]?.time ?? 0;
  show();
}

function play(on) {
  state.playing = on && last > 0;
  byId("play-icon").setAttribute("d", state.playing ? "M6 4h4.5v16H6zM13.5 4H18v16h-4.5z" : "M7 4l13 8-13 8z");
  byId("play").setAttribute("aria-label", state.playing ? "Pause" : "Play");
  if (state.playing) requestAnimationFrame((now) => tick(now, now));
}

/** Moves the clock on by the time since the last picture, and starts over behind the end. */
function tick(now, before) {
  if (!state.playing) return;
  state.clock += ((now - before) / 1000) * Number(byId("speed").value);
  if (state.clock > clip.frames[last].time + 1 / clip.fps) state.clock = clip.frames[0].time;
  let at = state.clock < clip.frames[state.at].time ? 0 : state.at;
  while (at < last && clip.frames[at + 1].time <= state.clock) at++;
  if (at !== state.at) {
    state.at = at;
    show();
  }
  requestAnimationFrame((next) => tick(next, now));
}

// --- controls ----------------------------------------------------------------

function listen() {
  byId("play").addEventListener("click", () => play(!state.playing));
  byId("grounded").addEventListener("change", show);
  for (const button of document.querySelectorAll("[data-look]")) {
    button.addEventListener("click", () => look(button.dataset.look));
  }
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => approach(button.dataset.close === "yes"));
  }
  listenToStrip(byId("strip"));
  listenToSpace(byId("space"));
  for (const name of ["image", "space"]) {
    byId(name).addEventListener("pointermove", (event) => tip(event, state.spots[name]));
    byId(name).addEventListener("pointerleave", () => tip(null, []));
  }
  document.addEventListener("keydown", onKey);
  new ResizeObserver(paint).observe(document.querySelector("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    state.palette = readPalette();
    describe();
    show();
  });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLSelectElement) return;
  const stride = event.shiftKey ? 10 : 1;
  const actions = {
    " ": () => play(!state.playing),
    ArrowLeft: () => step(-stride),
    ArrowRight: () => step(stride),
    Home: () => step(-Infinity),
    End: () => step(Infinity),
    0: () => look("three-quarter"),
  };
  const typesSpace = event.key === " " && event.target.matches("button, input");
  if (!actions[event.key] || typesSpace) return;
  event.preventDefault();
  actions[event.key]();
}

function step(frames) {
  play(false);
  seek(state.at + frames);
}

function look(name) {
  Object.assign(space.eye, LOOKS[name]);
  show();
}

/** Shows the whole image, or what the people of the clip take of it. */
function approach(close) {
  state.close = close;
  show();
}

function listenToStrip(strip) {
  const scrub = (event) => {
    const { left, width } = strip.getBoundingClientRect();
    seek(((event.clientX - left) / width) * clip.frames.length - 0.5);
  };
  strip.addEventListener("pointerdown", (event) => {
    strip.setPointerCapture(event.pointerId);
    play(false);
    scrub(event);
  });
  strip.addEventListener("pointermove", (event) => {
    if (strip.hasPointerCapture(event.pointerId)) scrub(event);
  });
}

/** One finger or the mouse turns, two fingers or the wheel zoom. */
function listenToSpace(canvas) {
  const fingers = new Map();
  const spread = () => {
    const [a, b] = fingers.values();
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    canvas.classList.add("turning");
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const apart = fingers.size === 2 ? spread() : 0;
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (fingers.size === 1) turn(event.clientX - before[0], event.clientY - before[1]);
    else if (apart > 0) zoom(spread() / apart);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      canvas.classList.toggle("turning", fingers.size > 0);
    });
  }
  canvas.addEventListener("dblclick", () => look("three-quarter"));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)));
  }, { passive: false });
}

function turn(x, y) {
  space.eye.yaw += x * 0.008;
  space.eye.pitch = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, space.eye.pitch + y * 0.008));
  show();
}

function zoom(factor) {
  space.eye.zoom = Math.max(0.3, Math.min(8, space.eye.zoom * factor));
  show();
}

function tip(event, spots) {
  const box = event?.target.getBoundingClientRect();
  const spot = event && nearest(spots, [event.clientX - box.left, event.clientY - box.top]);
  byId("tip").hidden = !spot;
  if (!spot) return;
  byId("tip").textContent = spot.text;
  const right = Math.min(event.clientX + 14, window.innerWidth - byId("tip").offsetWidth - 8);
  Object.assign(byId("tip").style, { left: `${right}px`, top: `${event.clientY + 16}px` });
}

// --- words -------------------------------------------------------------------

function describe() {
  const { info, frames, tracks } = clip;
  const seconds = frames.length ? frames[last].time - frames[0].time + 1 / clip.fps : 0;
  const amount = `${frames.length} ${frames.length === 1 ? "frame" : "frames"}, ${seconds.toFixed(1)} s`;
  byId("title").replaceChildren(info.title, small(amount));
  byId("strip").setAttribute("aria-valuemax", Math.max(0, last));
  const { skeleton, layout } = info;
  const joints = layout?.joints.length ?? frames.find(({ people }) => people.length)?.people[0].points.length;
  byId("image-caption").textContent = `2D key points · ${layout?.name ?? "own layout"}${joints ? `, ${joints} joints` : ""}`;
  const apart = tracks.length > 1 ? " · set apart as in the image" : "";
  byId("space-caption").textContent = `3D · ${skeleton.name}, ${skeleton.joints.length} joints · grid ${gridText()}${apart}`;
  byId("legend").replaceChildren(...legend(tracks).map(([name, colour]) => swatch(name, colour)));
  byId("facts").replaceChildren(...Object.entries({
    model: info.model,
    unit: info.unit,
    axes: `${info.axes}: x right, y down, z forward`,
    fps: info.fps ? Number(info.fps.toFixed(3)) : clip.timed ? `${clip.timed}, by the frames' times` : "unknown, played at 30",
    "ran on": info.device,
  }).map(([term, text]) => fact(term, text)));
}

function gridText() {
  const { step: length } = space.scene;
  return `${Number(length.toPrecision(1))}${unitText(clip.info)}`;
}

function legend(tracks) {
  const { palette } = state;
  if (tracks.length < 2) return [["left", palette.left], ["right", palette.right], ["middle", palette.middle]];
  const named = tracks.slice(0, 8).map((track) => [`#${track}`, colourOf(clip, palette, track, "left")]);
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

/** Starts as the address asks: `#frame=120&play=0&look=side&yaw=0.5&pitch=0.2&zoom=2&close=1`. */
function start() {
  const wish = new URLSearchParams(location.hash.slice(1));
  if (LOOKS[wish.get("look")]) Object.assign(space.eye, LOOKS[wish.get("look")]);
  state.close = wish.get("close") === "1";
  for (const name of ["yaw", "pitch", "zoom"]) {
    if (Number.isFinite(parseFloat(wish.get(name)))) space.eye[name] = parseFloat(wish.get(name));
  }
  const asked = clip.frames.findIndex(({ index }) => index >= Number(wish.get("frame") ?? 0));
  seek(asked < 0 ? last : asked);
  const still = wish.get("play") === "0" || matchMedia("(prefers-reduced-motion: reduce)").matches;
  play(!still);
}
