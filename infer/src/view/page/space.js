// The right picture: poses over a ground grid, seen through an eye that circles them. Several sets of poses stand in
// one another, or side by side.

/** Names and directions of each kind of axes, in the scene's: x right, y down, z away. */
const AXES = {
  camera: [["x right", [1, 0, 0]], ["y down", [0, 1, 0]], ["z forward", [0, 0, 1]]],
  level: [["x right", [1, 0, 0]], ["y down", [0, 1, 0]], ["z forward", [0, 0, 1]]],
  "y-up": [["x right", [1, 0, 0]], ["y up", [0, -1, 0]], ["z back", [0, 0, -1]]],
  "z-up": [["x right", [1, 0, 0]], ["y forward", [0, 0, 1]], ["z up", [0, -1, 0]]],
};
const AXIS_COLOURS = ["#d9463e", "#3f9d4b", "#3c78d8"];

/** Draws poses of `clip` on `canvas`; `eye` may be changed between calls of `draw`. */
function spaceView(canvas, clip) {
  const scene = sceneOf(clip);
  const isLevel = clip.sets.every((set) => set.isLevel);
  const eye = { ...LOOKS["three-quarter"] };
  return { eye, scene, isLevel, draw };

  /** Draws a frame; `options` has `grounded`, `sigma`, `overlay` and `follow`. Returns the spots that can be pointed at. */
  function draw(frame, palette, options) {
    const { context, width, height } = freshContext(canvas);
    const views = viewsOf(clip.sets, options.overlay, width, height);
    const spots = views.flatMap((view) => drawView(context, palette, frame, view, options));
    drawAxes(context, palette, height, rotation(eye));
    return spots;
  }

  function drawView(context, palette, frame, view, { grounded, sigma, follow }) {
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    const part = follow ? scene.nearTo(frame, grounded) : scene.whole;
    const project = projection(eye, part, view);
    drawGround(context, palette, project, part);
    for (const path of scene.paths) {
      if (view.sets.includes(path.set)) drawPath(context, palette, project, path, frame.index);
    }
    const bodies = view.sets.flatMap((set) => bodiesOf(frame, set, grounded));
    for (const body of bodies) drawShadow(context, palette, project, body);
    if (sigma) for (const body of bodies) drawSigma(context, palette, project, body);
    const strokes = bodies.flatMap((body) => strokesOf(body, project));
    strokes.sort((a, b) => b.depth - a.depth);
    for (const stroke of strokes) drawStroke(context, palette, stroke);
    const spots = bodies.flatMap((body) => drawJoints(context, palette, project, body));
    context.restore();
    if (view.named) {
      const at = [view.left + view.width - 14, view.top + view.height - 16];
      write(context, view.sets[0].name, at, colourOf(clip, palette, view.sets[0], 0, "left"), "right", 13);
    }
    return spots;
  }

  /** The set's poses where they stand, and down on the ground if they are to. */
  function bodiesOf(frame, set, grounded) {
    return frame.sets[set.number].flatMap((pose) => {
      const place = scene.placeOf(frame, set, pose);
      if (!place) return [];
      const measured = pose.joints;
      const joints = measured.map((joint) => joint && set.toScene(joint).map((value, axis) => value + place[axis]));
      const lowest = Math.max(...joints.filter(Boolean).map((joint) => joint[1]));
      if (grounded && Number.isFinite(lowest)) {
        for (const joint of joints) if (joint) joint[1] += scene.ground - lowest;
      }
      return [{ set, pose, track: pose.track, measured, joints }];
    });
  }

  function strokesOf({ set, track, joints }, project) {
    return set.bones.flatMap(({ from, to, side }) => {
      const ends = [endOf(from, joints), endOf(to, joints)];
      if (ends.includes(null)) return [];
      const [start, stop] = ends.map(project);
      return [{ start, stop, depth: (start.depth + stop.depth) / 2, side, set, track }];
    });
  }

  function drawStroke(context, palette, { start, stop, side, set, track }) {
    const thick = scene.body * 0.036 * (start.scale + stop.scale) / 2;
    // A rim in the panel's colour shows which limb is in front.
    line(context, start.at, stop.at, palette.panel, thick + Math.min(3, thick / 3));
    line(context, start.at, stop.at, colourOf(clip, palette, set, track, side), thick);
  }

  /** A halo around each joint, as wide as 68 % of its errors reach. */
  function drawSigma(context, palette, project, { set, pose, track, joints }) {
    const sigma = pose.sigma;
    if (!sigma) return;
    context.globalAlpha = pose.unsure ? 0.24 : 0.15;
    joints.forEach((joint, index) => {
      if (!joint || !(sigma[index] > 0)) return;
      const { at, scale } = project(joint);
      const radius = sigma[index] * (set.metres ?? 1) * scale;
      dot(context, at, radius, colourOf(clip, palette, set, track, sideOf(set.skeleton.joints[index])));
    });
    context.globalAlpha = 1;
  }

  function drawJoints(context, palette, project, { set, pose, track, joints, measured }) {
    const { skeleton } = set;
    const named = [clip.sets.length > 1 ? set.name : "", clip.tracks.length > 1 ? `#${track}` : ""];
    const start = named.filter(Boolean).map((name) => `${name} `).join("");
    const sigma = pose.sigma;
    return joints.flatMap((joint, index) => {
      if (!joint) return [];
      const { at, scale } = project(joint);
      const name = skeleton.joints[index];
      const radius = scene.body * 0.021 * scale;
      const isMissing = pose.missing.includes(index);
      if (radius > 4 || isMissing) dot(context, at, radius, palette.panel);
      // A joint without a key point is hollow.
      if (!isMissing) dot(context, at, radius * 0.6, colourOf(clip, palette, set, track, sideOf(name)));
      const [x, y, z] = measured[index].map((value) => signed(value, set.metres));
      const spread = sigma ? `  ± ${signed(sigma[index], set.metres).slice(1)}` : "";
      const unseen = isMissing ? "  (key point missing)" : "";
      return [{ at, text: `${start}${name}   x ${x}  y ${y}  z ${z}${spread}${unitText(set)}${unseen}` }];
    });
  }

  /** One stroke for the whole body, so that crossing limbs are no darker. */
  function drawShadow(context, palette, project, { set, joints }) {
    const flat = joints.map((joint) => joint && [joint[0], scene.ground, joint[2]]);
    context.beginPath();
    let thick = 0;
    for (const { from, to } of set.bones) {
      const ends = [endOf(from, flat), endOf(to, flat)];
      if (ends.includes(null)) continue;
      const [start, stop] = ends.map(project);
      context.moveTo(...start.at);
      context.lineTo(...stop.at);
      thick = Math.max(thick, scene.body * 0.045 * start.scale);
    }
    Object.assign(context, { strokeStyle: palette.ink, lineWidth: thick, globalAlpha: 0.13 });
    context.stroke();
    context.globalAlpha = 1;
  }

  /** Where a person's root goes, on the ground: what is past in full, what is to come paler. */
  function drawPath(context, palette, project, { set, track, points }, index) {
    context.strokeStyle = colourOf(clip, palette, set, track, clip.sets.length + clip.tracks.length > 2 ? "left" : "middle");
    context.lineWidth = 2;
    for (const isPast of [false, true]) {
      context.globalAlpha = isPast ? 0.75 : 0.25;
      context.beginPath();
      let isDrawing = false;
      for (const { at, index: number } of points) {
        const isPart = at && (isPast ? number <= index : number >= index);
        if (isPart) {
          const { at: pixel } = project([at[0], scene.ground, at[1]]);
          if (isDrawing) context.lineTo(...pixel);
          else context.moveTo(...pixel);
        }
        isDrawing = isPart;
      }
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  /** A grid of even steps, that fades out with the distance from its middle; on a floor where gravity is known. */
  function drawGround(context, palette, project, { step, lines, centre }) {
    const { ground } = scene;
    if (isLevel) drawFloor(context, palette, project, centre, lines * step);
    const [x0, z0] = [centre[0], centre[2]].map((value) => Math.round(value / step) * step);
    for (let row = -lines; row <= lines; row++) {
      for (let cell = -lines; cell < lines; cell++) {
        const far = Math.hypot(row, cell + 0.5) / lines;
        if (far > 1) continue;
        context.globalAlpha = 1 - far;
        const strong = row === 0 ? 1.6 : 0.8;
        for (const turn of [([a, b]) => [x0 + a, ground, z0 + b], ([a, b]) => [x0 + b, ground, z0 + a]]) {
          const ends = [[row * step, cell * step], [row * step, (cell + 1) * step]].map((end) => project(turn(end)));
          if (ends.every((end) => end.depth > 0)) line(context, ends[0].at, ends[1].at, palette.grid, strong);
        }
      }
    }
    context.globalAlpha = 1;
  }

  function drawFloor(context, palette, project, centre, radius) {
    context.fillStyle = palette.grid;
    context.globalAlpha = 0.07;
    for (const share of [0.95, 0.8, 0.65, 0.5]) {
      context.beginPath();
      for (let corner = 0; corner < 48; corner++) {
        const [angle, reach] = [(corner / 24) * Math.PI, share * radius];
        const end = project([centre[0] + reach * Math.cos(angle), scene.ground, centre[2] + reach * Math.sin(angle)]);
        if (corner === 0) context.moveTo(...end.at);
        else context.lineTo(...end.at);
      }
      context.fill();
    }
    context.globalAlpha = 1;
  }

  /** The axes of the poses in the corner, turned as the scene is. */
  function drawAxes(context, palette, height, turn) {
    const middle = [104, height - 54];
    const axes = AXES[clip.sets[0].axes].map(([name, axis], at) => ({ name, colour: AXIS_COLOURS[at], end: turn(axis) }));
    axes.sort((a, b) => b.end[2] - a.end[2]);
    for (const { name, colour, end } of axes) {
      const tip = [middle[0] + 27 * end[0], middle[1] + 27 * end[1]];
      line(context, middle, tip, colour, 2);
      dot(context, tip, 2.5, colour);
      // An axis that points at the eye has its name above the others.
      const short = Math.hypot(end[0], end[1]) < 0.25;
      const label = short ? [middle[0] + 6, middle[1] - 14] : [middle[0] + 37 * end[0], middle[1] + 38 * end[1]];
      write(context, name, label, colour, short || end[0] > 0.3 ? "left" : end[0] < -0.3 ? "right" : "center", 11);
    }
  }
}

/** The parts of the picture: one for all sets, or one for each, beside or below each other. */
function viewsOf(sets, overlay, width, height) {
  if (overlay || sets.length < 2) return [{ left: 0, top: 0, width, height, sets, named: false }];
  const isWide = width > height;
  // On a narrow screen the caption and the buttons stand above the first part.
  const start = isWide ? 0 : 56;
  return sets.map((set, at) => {
    const [across, down] = isWide ? [width / sets.length, height] : [width, (height - start) / sets.length];
    return { left: isWide ? at * across : 0, top: isWide ? 0 : start + at * down, width: across, height: down, sets: [set], named: true };
  });
}

function signed(value, metres) {
  // Millimetres, where the unit's size is known.
  const digits = metres ? Math.max(0, Math.round(Math.log10(metres * 1000))) : null;
  const text = digits === null ? Math.abs(value).toPrecision(4) : Math.abs(value).toFixed(digits);
  return (value < 0 ? "−" : "+") + text;
}

function unitText({ unit }) {
  return unit === "unknown" ? "" : ` ${unit}`;
}
