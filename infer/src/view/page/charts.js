// Joint angles over time: a chart for each of a few angles, with the error as a band and the frame as a cursor.

/** Charts side by side. */
const CHARTS = 3;

/** Seconds that a chart shows of a long clip. */
const CHART_SECONDS = 12;

/** What angles are called, by their names without the side. */
const QUANTITIES = {
  knee_angle: "Knee flexion",
  hip_flexion: "Hip flexion",
  elbow_flex: "Elbow flexion",
  ankle_angle: "Ankle dorsiflexion",
  arm_flex: "Shoulder flexion",
  hip_adduction: "Hip adduction",
  hip_rotation: "Hip rotation",
  subtalar_angle: "Foot inversion",
  arm_add: "Shoulder adduction",
  arm_rot: "Shoulder rotation",
  lumbar_extension: "Trunk extension",
  lumbar_bending: "Trunk bending",
  lumbar_rotation: "Trunk rotation",
  neck_flexion: "Neck flexion",
  neck_bending: "Neck bending",
  pelvis_tilt: "Pelvis tilt",
  pelvis_list: "Pelvis list",
  pelvis_rotation: "Pelvis rotation",
};

/** The angles of `clip`: which there are, and a function that draws one of them on a canvas. */
function anglesView(clip) {
  const names = clip.info.angles;
  const quantities = Object.entries(QUANTITIES).flatMap(([name, title]) => {
    const sides = [["", "middle"], ["_r", "right"], ["_l", "left"]];
    const curves = sides.map(([end, side]) => ({ angle: names.indexOf(name + end), side })).filter(({ angle }) => angle >= 0);
    return curves.length ? [{ name, title, curves }] : [];
  });
  const cache = new Map();
  return { quantities, draw, timeAt };

  /** One angle of one person over all frames, and its sigma; NaN where it is not known. */
  function seriesOf(set, track, angle) {
    const key = `${set.number} ${track} ${angle}`;
    if (!cache.has(key)) {
      const [degrees, sigma] = [0, 1].map(() => new Float32Array(clip.frames.length).fill(NaN));
      const { numbers } = clip.pool;
      clip.frames.forEach((frame, at) => {
        const pose = frame.sets[set.number].find((pose) => pose.track === track);
        if (pose && pose.anglesAt >= 0) degrees[at] = withoutTurns(numbers[pose.anglesAt + angle]);
        if (pose && pose.angleSigmaAt >= 0) sigma[at] = numbers[pose.angleSigmaAt + angle];
      });
      cache.set(key, { degrees, sigma });
    }
    return cache.get(key);
  }

  function curvesOf(quantity, track) {
    const sets = clip.sets.filter(({ hasAngles }) => hasAngles);
    return sets.flatMap((set) => quantity.curves.map(({ angle, side }) => ({ set, side, ...seriesOf(set, track, angle) })));
  }

  /** Draws an angle about frame `at`; returns the values there, in words. */
  function draw(canvas, palette, quantity, track, at) {
    const { context, width, height } = freshContext(canvas);
    const curves = curvesOf(quantity, track);
    const range = rangeOf(quantity, track, curves);
    const [start, end] = windowAt(at);
    const box = { left: 38, top: 34, right: width - 10, bottom: height - 20 };
    const x = (time) => box.left + ((time - start) / (end - start)) * (box.right - box.left);
    const y = (degrees) => box.bottom - ((degrees - range[0]) / (range[1] - range[0])) * (box.bottom - box.top);
    drawScales(context, palette, box, range, [start, end], x, y);
    context.save();
    context.beginPath();
    context.rect(box.left, box.top - 4, box.right - box.left, box.bottom - box.top + 8);
    context.clip();
    const [first, last] = [frameAt(start), frameAt(end)];
    const xOf = (frame) => x(clip.frames[frame].time);
    for (const curve of curves) {
      const colour = colourOf(clip, palette, curve.set, track, curve.side);
      const runs = runsOf(curve.degrees, first, last);
      for (const run of runs) drawBand(context, curve, colour, run, xOf, y);
      for (const run of runs) drawCurve(context, curve, colour, run, xOf, y);
    }
    context.restore();
    const now = x(clip.frames[at]?.time ?? 0);
    line(context, [now, box.top - 4], [now, box.bottom], palette.ink, 1.5);
    for (const curve of curves) {
      if (!Number.isNaN(curve.degrees[at])) dot(context, [now, y(curve.degrees[at])], 3, colourOf(clip, palette, curve.set, track, curve.side));
    }
    return curves.map((curve) => wordsOf(curve, at));
  }

  function wordsOf({ set, side, degrees, sigma }, at) {
    const [value, error] = [degrees[at], sigma[at]];
    const start = { left: "L ", right: "R ", middle: "" }[side];
    const text = Number.isNaN(value) ? "–" : `${value.toFixed(0).replace("-", "−")}°`;
    return { text: `${start}${text}${Number.isNaN(error) || clip.sets.length > 1 ? "" : ` ± ${error.toFixed(0)}°`}`, set, side };
  }

  /** The time under a pixel of a chart. */
  function timeAt(canvas, pixel, at) {
    const width = canvas.getBoundingClientRect().width;
    const [start, end] = windowAt(at);
    const share = Math.max(0, Math.min(1, (pixel - 38) / (width - 48)));
    return start + share * (end - start);
  }

  /** The whole of a short clip; of a long one the seconds around a frame. */
  function windowAt(at) {
    const first = clip.frames[0]?.time ?? 0;
    const last = Math.max(clip.frames.at(-1)?.time ?? 0, first + 1 / clip.fps);
    if (last - first <= 1.6 * CHART_SECONDS) return [first, last];
    const start = Math.max(first, Math.min(last - CHART_SECONDS, clip.frames[at].time - CHART_SECONDS / 2));
    return [start, start + CHART_SECONDS];
  }

  function frameAt(time) {
    return frameAtTime(clip.frames, time);
  }

  /** The angles that a chart reaches over, the same all through the clip: nearly all of them. */
  function rangeOf(quantity, track, curves) {
    const key = `range ${quantity.name} ${track}`;
    if (!cache.has(key)) {
      const all = curves.flatMap(({ degrees }) => spread(Array.from(degrees.filter((value) => !Number.isNaN(value))), 4000));
      const [low, high] = all.length ? [quantile(all, 0.004), quantile(all, 0.996)] : [0, 90];
      const room = Math.max(4, 0.08 * (high - low));
      const missing = Math.max(0, 30 - (high - low + 2 * room)) / 2;
      cache.set(key, [low - room - missing, high + room + missing]);
    }
    return cache.get(key);
  }
}

/** An angle that was unwrapped over a clip, from −180 to 180 degrees. */
function withoutTurns(degrees) {
  return degrees - 360 * Math.round(degrees / 360);
}

/** The last frame at or before `time`. */
function frameAtTime(frames, time) {
  let [low, high] = [0, frames.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (frames[middle].time <= time + 1e-9) low = middle;
    else high = middle - 1;
  }
  return low;
}

function drawScales(context, palette, box, range, [start, end], x, y) {
  context.globalAlpha = 0.55;
  const tall = box.bottom - box.top;
  const step = [5, 10, 15, 30, 45, 60, 90, 180, 360].find((step) => ((range[1] - range[0]) / step) * 20 <= tall) ?? 720;
  for (let degrees = Math.ceil(range[0] / step) * step; degrees <= range[1]; degrees += step) {
    line(context, [box.left, y(degrees)], [box.right, y(degrees)], palette.line, degrees === 0 ? 1.5 : 0.8);
  }
  context.globalAlpha = 1;
  for (let degrees = Math.ceil(range[0] / step) * step; degrees <= range[1]; degrees += step) {
    write(context, `${String(degrees).replace("-", "−")}°`, [box.left - 6, y(degrees)], palette.faint, "right", 10);
  }
  const second = [0.1, 0.2, 0.5, 1, 2, 5, 10].find((second) => ((end - start) / second) * 34 <= box.right - box.left) ?? 20;
  for (let number = Math.ceil(start / second - 1e-6); number * second <= end + 1e-6; number++) {
    const time = number * second;
    const text = `${Number(time.toFixed(1))} s`;
    const at = Math.max(box.left + 8, Math.min(box.right - 10, x(time)));
    write(context, text, [at, box.bottom + 11], palette.faint, "center", 10);
  }
}

/** One standard deviation to both sides, over the frames of `run`. */
function drawBand(context, { degrees, sigma }, colour, run, x, y) {
  if (Number.isNaN(sigma[run[0]])) return;
  context.fillStyle = colour;
  context.globalAlpha = 0.14;
  context.beginPath();
  for (const at of run) context.lineTo(x(at), y(degrees[at] + sigma[at]));
  for (const at of [...run].reverse()) context.lineTo(x(at), y(degrees[at] - sigma[at]));
  context.fill();
  context.globalAlpha = 1;
}

function drawCurve(context, { degrees }, colour, run, x, y) {
  Object.assign(context, { strokeStyle: colour, lineWidth: 1.8 });
  context.beginPath();
  for (const at of run) context.lineTo(x(at), y(degrees[at]));
  context.stroke();
}

/** Frames from `first` to `last` in a row without a gap, or a jump from one end of the circle to the other. */
function runsOf(values, first, last) {
  const runs = [];
  let run = [];
  for (let at = first; at <= last; at++) {
    const isKnown = !Number.isNaN(values[at]);
    const jumps = run.length > 0 && Math.abs(values[at] - values[run.at(-1)]) > 180;
    if (run.length && (!isKnown || jumps)) {
      runs.push(run);
      run = [];
    }
    if (isKnown) run.push(at);
  }
  if (run.length) runs.push(run);
  return runs;
}
