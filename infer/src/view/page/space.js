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
  return { eye, scene, draw };

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
      const shift = [scene.asideOf(frame, pose), grounded && seen.length ? scene.ground - lowest : 0, 0];
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
    const thick = scene.body * 0.036 * (start.scale + stop.scale) / 2;
    // A rim in the panel's colour shows which limb is in front.
    line(context, start.at, stop.at, palette.panel, thick + Math.min(3, thick / 3));
    line(context, start.at, stop.at, colourOf(clip, palette, track, side), thick);
  }

  function drawJoints(context, palette, project, { track, joints, measured }) {
    const several = clip.tracks.length > 1 ? `#${track} ` : "";
    return joints.flatMap((joint, index) => {
      if (!joint) return [];
      const { at, scale } = project(joint);
      const name = skeleton.joints[index];
      const radius = scene.body * 0.021 * scale;
      if (radius > 4) dot(context, at, radius, palette.panel);
      dot(context, at, radius * 0.6, colourOf(clip, palette, track, sideOf(name)));
      const [x, y, z] = measured[index].map((value) => signed(value, clip.info.unit_steps));
      return [{ at, text: `${several}${name}   x ${x}  y ${y}  z ${z}${unitText(clip.info)}` }];
    });
  }

  /** One stroke for the whole body, so that crossing limbs are no darker. */
  function drawShadow(context, palette, project, { joints }) {
    const flat = joints.map((joint) => joint && [joint[0], scene.ground, joint[2]]);
    context.beginPath();
    let thick = 0;
    for (const { from, to } of bones) {
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
    const middle = [104, height - 54];
    const turn = rotation(eye);
    const axes = [["x right", [1, 0, 0], "#d9463e"], ["y down", [0, 1, 0], "#3f9d4b"], ["z forward", [0, 0, 1], "#3c78d8"]];
    const turned = axes.map(([name, axis, colour]) => ({ name, colour, end: turn(axis) }));
    turned.sort((a, b) => b.end[2] - a.end[2]);
    for (const { name, colour, end } of turned) {
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
  const fit = Math.min((0.46 * width) / scene.wide, (0.4 * height) / scene.body) * eye.zoom;
  return (point) => {
    const [x, y, z] = turn(point.map((value, axis) => value - scene.centre[axis]));
    const depth = distance + z;
    const scale = (fit * distance) / Math.max(depth, distance * 0.05);
    return { at: [width / 2 + x * scale, height / 2 + y * scale], depth, scale };
  };
}

/**
 * The clip's surroundings: the ground's height, the radii of all there is (`wide` to the sides, `body` up and down), the
 * middle to look at, the grid, and where people stand.
 */
function sceneOf(clip) {
  const asideOf = standsOf(clip);
  const spans = [];
  const reaches = [];
  for (const frame of clip.frames) {
    for (const pose of frame.poses) {
      const joints = pose.joints.filter(Boolean);
      if (!joints.length) continue;
      const y = joints.map((joint) => joint[1]);
      spans.push([Math.min(...y), Math.max(...y)]);
      const wide = Math.max(...joints.map((joint) => Math.hypot(joint[0], joint[2])));
      reaches.push(Math.abs(asideOf(frame, pose)) + wide);
    }
  }
  if (!spans.length) spans.push([-1, 1]);
  const ground = quantile(spans.map(([, low]) => low), 0.9);
  const body = quantile(spans.map(([high, low]) => low - high), 0.98) / 2 || 1;
  const wide = (reaches.length ? quantile(reaches, 0.98) : body) || body;
  const radius = Math.max(body, wide);
  const step = roundStep(body * 0.7);
  const lines = Math.ceil((2.4 * radius) / step);
  return { ground, radius, body, wide, step, lines, centre: [0, ground - body, 0], asideOf };
}

/**
 * A pose knows no place, so several people would stand in one another: they are moved to the side by their offset in
 * the image, at the scale of their own bodies, and no further apart than fits on the picture.
 */
function standsOf(clip) {
  if (clip.tracks.length < 2) return () => 0;
  const found = clip.frames.flatMap((frame) => frame.poses.map((pose) => ({ pose, ...placeOf(frame, pose) })));
  const placed = found.filter(({ pixels, size }) => pixels > 0 && size > 0);
  if (!placed.length) return () => 0;
  const scales = new Map(clip.tracks.map((track) => {
    const own = placed.filter(({ pose }) => pose.track === track).map(({ pixels, size }) => size / pixels);
    return [track, own.length ? quantile(own, 0.5) : 0];
  }));
  const middles = placed.map(({ middle }) => middle);
  const centre = (quantile(middles, 0.02) + quantile(middles, 0.98)) / 2;
  const offset = ({ middle, track }) => (middle - centre) * scales.get(track);
  const spread = quantile(placed.map(({ middle, pose }) => Math.abs(offset({ middle, track: pose.track }))), 0.98);
  const room = 1.3 * quantile(placed.map(({ size }) => size), 0.5);
  const shrink = Math.min(1, room / spread) || 1;
  return (frame, pose) => {
    const { middle } = placeOf(frame, pose);
    return middle === null ? 0 : shrink * offset({ middle, track: pose.track });
  };
}

/** A pose's person in the image: the middle and size in pixels, and the pose's own size. */
function placeOf(frame, pose) {
  const person = frame.people.find(({ track }) => track === pose.track);
  const points = person ? person.points.filter(Boolean) : [];
  const middle = points.length ? quantile(points.map((point) => point[0]), 0.5) : null;
  return { middle, pixels: reachOf(points), size: reachOf(pose.joints) };
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
