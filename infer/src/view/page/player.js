// Time, controls and the page's words.

const byId = (id) => document.getElementById(id);
const clip = readClip(byId("clip").textContent);
const last = clip.frames.length - 1;
const drawImage = imageView(byId("image"), clip);
const space = spaceView(byId("space"), clip);
const angles = anglesView(clip);
const hasKeypoints = clip.frames.some(({ people }) => people.length);
const state = {
  at: 0, playing: false, clock: 0, close: false, overlay: false, track: clip.tracks[0] ?? 0,
  palette: readPalette(), strip: null, spots: { image: [], space: [] },
};
const EMPTY = { index: 0, time: 0, size: null, people: [], sets: clip.sets.map(() => []) };

arrange();
describe();
listen();
start();

// --- one frame ---------------------------------------------------------------

function paint() {
  const frame = clip.frames[state.at] ?? EMPTY;
  if (hasKeypoints) state.spots.image = drawImage(frame, state.palette, state.close);
  const [grounded, sigma, follow] = ["grounded", "sigma", "follow"].map((id) => byId(id).checked);
  state.spots.space = space.draw(frame, state.palette, { grounded, sigma, follow, overlay: state.overlay });
  drawStrip();
  paintCharts();
}

function show() {
  paint();
  const frame = clip.frames[state.at] ?? EMPTY;
  const poses = frame.sets.flat();
  notice("image-notice", clip.frames.length === 0 ? "No frames" : frame.people.length ? "" : "No person in this frame");
  notice("space-notice", poses.length || clip.frames.length === 0 ? "" : frame.people.length ? "Too little seen to lift" : "No pose in this frame");
  const scores = poses.map(({ score, unsure }) => `${score.toFixed(2)}${unsure ? " unsure" : ""}`).join(", ");
  byId("clock").replaceChildren(`${frame.time.toFixed(2)} s`, small(`frame ${frame.index}${scores && ` · score ${scores}`}`));
  const strip = byId("strip");
  strip.setAttribute("aria-valuenow", state.at);
  strip.setAttribute("aria-valuetext", `frame ${frame.index}, ${frame.time.toFixed(2)} seconds`);
}

/** Charts that the screen has room for. */
function paintCharts() {
  if (byId("charts").hidden) return;
  for (const chart of document.querySelectorAll(".chart")) {
    if (chart.offsetParent === null) continue;
    const [canvas, select, caption] = ["canvas", "select", ".caption"].map((part) => chart.querySelector(part));
    const quantity = angles.quantities[select.selectedIndex];
    const words = angles.draw(canvas, state.palette, quantity, state.track, state.at);
    caption.replaceChildren(...words.map(({ text, set, side }) => {
      const value = document.createElement("span");
      value.textContent = text;
      value.style.color = colourOf(clip, state.palette, set, state.track, side);
      return value;
    }));
  }
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
  const strip = byId("strip");
  const { context, width, height } = freshContext(strip);
  const key = `${strip.width} ${strip.height} ${state.palette.page}`;
  if (state.strip?.key !== key) state.strip = { key, picture: glance(strip.width, strip.height) };
  context.drawImage(state.strip.picture, 0, 0, width, height);
  const x = ((state.at + 0.5) * width) / Math.max(1, clip.frames.length);
  if (last >= 0) line(context, [x, 1], [x, height - 1], state.palette.ink, 2);
}

/** A picture of the clip's scores, drawn once: long clips have more frames than pixels. */
function glance(width, height) {
  const picture = Object.assign(document.createElement("canvas"), { width: Math.max(1, width), height: Math.max(1, height) });
  const context = picture.getContext("2d");
  const columns = Math.min(clip.frames.length, width);
  const step = width / Math.max(1, columns);
  for (let column = 0; column < columns; column++) {
    const [from, to] = [column, column + 1].map((at) => Math.floor((at * clip.frames.length) / columns));
    const poses = clip.frames.slice(from, to).flatMap(({ sets }) => sets.flat());
    const mean = poses.reduce((sum, { score }) => sum + score, 0) / (poses.length || 1);
    context.fillStyle = poses.length ? state.palette.accent : state.palette.gap;
    context.globalAlpha = poses.length ? 0.3 : 1;
    const high = poses.length ? Math.max(2, mean * height * 0.82) : height;
    context.fillRect(column * step, height - high, step + 0.5, high);
  }
  return picture;
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
  const at = frameAtTime(clip.frames, state.clock);
  if (at !== state.at) {
    state.at = at;
    show();
  }
  requestAnimationFrame((next) => tick(next, now));
}

// --- controls ----------------------------------------------------------------

function listen() {
  byId("play").addEventListener("click", () => play(!state.playing));
  for (const id of ["grounded", "sigma", "follow"]) byId(id).addEventListener("change", show);
  byId("person").addEventListener("change", () => {
    state.track = clip.tracks[byId("person").selectedIndex];
    show();
  });
  for (const button of document.querySelectorAll("[data-overlay]")) {
    button.addEventListener("click", () => compare(button.dataset.overlay === "yes"));
  }
  for (const chart of document.querySelectorAll(".chart")) listenToChart(chart);
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
  // Behind the layout, which painting may change.
  new ResizeObserver(() => requestAnimationFrame(paint)).observe(document.querySelector("main"));
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

/** Shows sets of poses in one another, or side by side. */
function compare(overlay) {
  state.overlay = overlay;
  for (const button of document.querySelectorAll("[data-overlay]")) {
    button.setAttribute("aria-pressed", (button.dataset.overlay === "yes") === overlay);
  }
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

function listenToChart(chart) {
  const canvas = chart.querySelector("canvas");
  chart.querySelector("select").addEventListener("change", paint);
  const scrub = (event) => {
    const pixel = event.clientX - canvas.getBoundingClientRect().left;
    seek(frameAtTime(clip.frames, angles.timeAt(canvas, pixel, state.at)));
  };
  canvas.addEventListener("pointerdown", (event) => {
    play(false);
    scrub(event);
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
