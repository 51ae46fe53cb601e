// The right picture: poses in camera axes (x right, y down, z forward) over a
// ground grid, seen through an eye that circles them.

const LOOKS = {
  "three-quarter": { yaw: -0.55, pitch: 0.22, zoom: 1 },
  camera: { yaw: 0, pitch: 0, zoom: 1 },
  side: { yaw: -Math.PI / 2, pitch: 0.05, zoom: 1 },
  top: { yaw: 0, pitch: Math.PI / 2, zoom: 1 },
};

/** Where the eye stands, in the scene's own radii: far enough for little distortion, near enough for depth. */
const EYE_RADII = 5;

/** Draws poses of `clip` on `canvas`; `eye` may be changed between calls of `draw`. */
function spaceView(canvas, clip) {
  const skeleton = clip.info.skeleton;
  const bones = bonesOf(skeleton);
  const scene = sceneOf(clip);
  const eye = { ...LOOKS["three-quarter"] };
  return { eye, draw };

  function draw(frame, palette, grounded) {
    const { context, width, height } = freshContext(canvas);
    const project = projection(eye, scene, width, height);
    drawGround(context, palette, project);
    const bodies = bodiesOf(frame, grounded);
    for (const body of bodies) drawShadow(context, palette, project, body);
    const strokes = bodies.flatMap((body) => strokesOf(body, project));
    strokes.sort((a, b) => b.depth - a.depth);
    for (const stroke of strokes) drawStroke(context, palette, stroke, project);
    const spots = bodies.flatMap((body) => drawJoints(context, palette, project, body));
    drawAxes(context, palette, height);
    return spots;
  }

  /** The frame's poses where they stand: set apart by their places in the image, and down on the ground. */
  function bodiesOf(frame, grounded) {
    return frame.poses.map((pose) => {
      const seen = pose.joints.filter(Boolean);
      const lowest = Math.max(...seen.map((joint) => joint[1]));
      const shift = [clip.tracks.length > 1 ? asideOf(frame, pose) : 0, grounded && seen.length ? scene.ground - lowest : 0, 0];
      const joints = pose.joints.map((joint) => joint && joint.map((value, axis) => value + shift[axis]));
      return { track: pose.track, measured: pose.joints, joints };
    });
  }

  function strokesOf({ track, joints }, project) {
    return bones.flatMap(({ from, to, side }) => {
      const ends = [endOf(from, joints), endOf(to, joints)];
      if (ends.includes(null)) return [];
      const [start, stop] = ends.map(project);
      return [{ start, stop, depth: (start.depth + stop.depth) / 2, side, track }];
    });
  }

  function drawStroke(context, palette, { start, stop, side, track }) {
    const thick = scene.radius * 0.034 * (start.scale + stop.scale) / 2;
    // A rim in the panel's colour shows which limb is in front.
    line(context, start.at, stop.at, palette.panel, thick + 3);
    line(context, start.at, stop.at, colourOf(clip, palette, track, side), thick);
  }

  function drawJoints(context, palette, project, { track, joints, measured }) {
    const several = clip.tracks.length > 1 ? `#${track} ` : "";
    return joints.flatMap((joint, index) => {
      if (!joint) return [];
      const { at, scale } = project(joint);
      const name = skeleton.joints[index];
      const radius = scene.radius * 0.02 * scale;
      dot(context, at, radius, palette.panel);
      dot(context, at, radius * 0.6, colourOf(clip, palette, track, sideOf(name)));
      const [x, y, z] = measured[index].map((value) => signed(value, clip.info.unit_steps));
      return [{ at, text: `${several}${name}   x ${x}  y ${y}  z ${z}${unitText(clip.info)}` }];
    });
  }

  function drawShadow(context, palette, project, { joints }) {
    const flat = joints.map((joint) => joint && [joint[0], scene.ground, joint[2]]);
    context.globalAlpha = 0.14;
    for (const { from, to } of bones) {
      const ends = [endOf(from, flat), endOf(to, flat)];
      if (ends.includes(null)) continue;
      const [start, stop] = ends.map(project);
      line(context, start.at, stop.at, palette.ink, scene.radius * 0.05 * (start.scale + stop.scale) / 2);
    }
    context.globalAlpha = 1;
  }

  /** A grid of even steps, that fades out with the distance from its middle. */
  function drawGround(context, palette, project) {
    const { step, lines, ground } = scene;
    for (let row = -lines; row <= lines; row++) {
      for (let cell = -lines; cell < lines; cell++) {
        const far = Math.hypot(row, cell + 0.5) / lines;
        if (far > 1) continue;
        context.globalAlpha = 1 - far;
        const strong = row === 0 ? 1.6 : 0.8;
        for (const turn of [([a, b]) => [a, ground, b], ([a, b]) => [b, ground, a]]) {
          const ends = [[row * step, cell * step], [row * step, (cell + 1) * step]].map((end) => project(turn(end)));
          if (ends.every((end) => end.depth > 0)) line(context, ends[0].at, ends[1].at, palette.grid, strong);
        }
      }
    }
    context.globalAlpha = 1;
  }

  /** The camera's axes in the corner, turned as the scene is. */
  function drawAxes(context, palette, height) {
    const middle = [52, height - 50];
    const turn = rotation(eye);
    const axes = [["x right", [1, 0, 0], "#d9463e"], ["y down", [0, 1, 0], "#3f9d4b"], ["z forward", [0, 0, 1], "#3c78d8"]];
    const turned = axes.map(([name, axis, colour]) => ({ name, colour, end: turn(axis) }));
    turned.sort((a, b) => b.end[2] - a.end[2]);
    for (const { name, colour, end } of turned) {
      const tip = [middle[0] + 27 * end[0], middle[1] + 27 * end[1]];
      line(context, middle, tip, colour, 2);
      dot(context, tip, 2.5, colour);
      const short = Math.hypot(end[0], end[1]) < 0.25;
      const label = short ? [middle[0] + 34, middle[1] - 8] : [middle[0] + 38 * end[0], middle[1] + 38 * end[1]];
      write(context, name, label, colour, short || end[0] > 0.35 ? "left" : end[0] < -0.35 ? "right" : "center", 11);
    }
  }
}

/** Turns directions of the scene towards the eye: x right, y down, z away from it. */
function rotation({ yaw, pitch }) {
  const [sinY, cosY, sinP, cosP] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  return ([x, y, z]) => {
    const [right, away] = [cosY * x + sinY * z, cosY * z - sinY * x];
    return [right, cosP * y - sinP * away, sinP * y + cosP * away];
  };
}

/** A function from points of the scene to pixels, depth, and pixels a unit there. */
function projection(eye, scene, width, height) {
  const turn = rotation(eye);
  const distance = EYE_RADII * scene.radius;
  const fit = Math.min(width, height) * 0.42 * eye.zoom;
  return (point) => {
    const [x, y, z] = turn(point.map((value, axis) => value - scene.centre[axis]));
    const depth = distance + z;
    const scale = (fit * EYE_RADII) / Math.max(depth, distance * 0.05);
    return { at: [width / 2 + x * scale, height / 2 + y * scale], depth, scale };
  };
}

/** The clip's surroundings: the ground's height, the middle to look at, the radius to show, the grid. */
function sceneOf(clip) {
  const spans = [];
  const sides = [];
  for (const frame of clip.frames) {
    for (const pose of frame.poses) {
      const joints = pose.joints.filter(Boolean);
      if (!joints.length) continue;
      const y = joints.map((joint) => joint[1]);
      spans.push([Math.min(...y), Math.max(...y)]);
      const aside = clip.tracks.length > 1 ? Math.abs(asideOf(frame, pose)) : 0;
      sides.push(aside + Math.max(...joints.map((joint) => Math.hypot(joint[0], joint[2]))));
    }
  }
  if (!spans.length) spans.push([-1, 1]);
  const ground = quantile(spans.map(([, low]) => low), 0.9);
  const tall = quantile(spans.map(([high, low]) => low - high), 0.98);
  const wide = sides.length ? quantile(sides, 0.98) : tall / 2;
  const radius = Math.max(tall / 2, wide) * 1.05 || 1;
  const step = roundStep(radius * 0.45);
  return { ground, radius, step, centre: [0, ground - tall / 2, 0], lines: Math.ceil((2.4 * radius) / step) };
}

/** How far to the side somebody stands: the offset in the image at the scale of their own body. */
function asideOf(frame, pose) {
  const person = frame.people.find(({ track }) => track === pose.track);
  const points = person ? person.points.filter(Boolean) : [];
  if (points.length < 2) return 0;
  const middle = quantile(points.map((point) => point[0]), 0.5);
  const pixels = reachOf(points);
  const centre = frame.size ? frame.size[0] / 2 : 0;
  return pixels > 0 ? ((middle - centre) * reachOf(pose.joints)) / pixels : 0;
}

/** The largest of 1, 2, 5 · 10ⁿ that is at most `length`. */
function roundStep(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return [5, 2, 1].find((digit) => digit * power <= length) * power;
}

function signed(value, steps) {
  const text = steps ? Math.abs(value).toFixed(Math.round(Math.log10(steps))) : Math.abs(value).toPrecision(4);
  return (value < 0 ? "−" : "+") + text;
}

function unitText({ unit }) {
  return unit === "unknown" ? "" : ` ${unit}`;
}
