// What stands where in the 3D picture: the ground, the people's places, and how points become pixels.

const LOOKS = {
  "three-quarter": { yaw: -0.55, pitch: 0.22, zoom: 1 },
  camera: { yaw: 0, pitch: 0, zoom: 1 },
  side: { yaw: -Math.PI / 2, pitch: 0.05, zoom: 1 },
  top: { yaw: 0, pitch: Math.PI / 2, zoom: 1 },
};

/** Where the eye stands, in the scene's own radii: far enough for little distortion, near enough for depth. */
const EYE_RADII = 5;

/** Frames that tell the scene's size: enough for any clip, few enough for long ones. */
const SCENE_FRAMES = 2000;

/** Points of a path on the ground. */
const PATH_POINTS = 500;

/**
 * The clip's surroundings: the ground's height, half a body's height, whether poses stand where their roots are,
 * `placeOf`, where a pose stands, and what can be looked at: the `whole` of the clip, and the people `near` a frame.
 */
function sceneOf(clip) {
  const frames = spread(clip.frames, SCENE_FRAMES);
  const withPoses = clip.sets.filter(({ number }) => frames.some(({ sets }) => sets[number].length));
  const isPlaced = withPoses.length > 0 && withPoses.every(({ hasRoots }) => hasRoots);
  const places = isPlaced ? rootPlaces(clip, frames) : asidePlaces(clip, frames);
  const spans = [];
  const reaches = [];
  const spreads = [];
  for (const frame of frames) {
    const here = placesIn(frame, clip.sets, places.of);
    if (here.length > 1) spreads.push(reachAround(here, meanOf(here)));
    for (const set of clip.sets) {
      for (const pose of frame.sets[set.number]) {
        const joints = pose.joints.filter(Boolean).map(set.toScene);
        const place = places.of(frame, set, pose);
        if (!joints.length || !place) continue;
        const y = joints.map((joint) => joint[1]);
        spans.push([Math.min(...y), Math.max(...y), place[1]]);
        const wide = Math.max(...joints.map((joint) => Math.hypot(joint[0], joint[2])));
        reaches.push(Math.hypot(place[0] - places.middle[0], place[2] - places.middle[2]) + wide);
      }
    }
  }
  if (!spans.length) spans.push([-1, 1, 0]);
  const high = quantile(spans.map(([high, , place]) => high + place), 0.02);
  const ground = quantile(spans.map(([, low, place]) => low + place), isPlaced ? 0.98 : 0.9);
  const body = quantile(spans.map(([high, low]) => low - high), 0.98) / 2 || 1;
  const wide = (reaches.length ? quantile(reaches, 0.98) : body) || body;
  const tall = isPlaced ? Math.max(body, (ground - high) / 2) : body;
  const whole = gridOf({ centre: [places.middle[0], ground - tall, places.middle[2]], wide, tall }, body);
  const near = gridOf({ wide: body + (spreads.length ? quantile(spreads, 0.95) : 0), tall: 1.15 * body }, body);
  // Where the floor is known, people are on it most of the time.
  const isFloor = isPlaced && ground - quantile(spans.map(([, low, place]) => low + place), 0.5) < 0.4 * body;
  return { ground, body, whole, near, isPlaced, isFloor, nearTo, placeOf: places.of, paths: places.paths };

  /** What to look at for the people of a frame, or for the last people seen. */
  function nearTo(frame, grounded) {
    const here = placesIn(frame, clip.sets, places.of);
    if (here.length || !near.centre) near.centre = here.length ? meanOf(here) : [...whole.centre];
    if (grounded) near.centre[1] = ground - body;
    return near;
  }
}

/** A part of the scene to look at, with its radius and its grid: `lines` of it to each side, `step` apart. */
function gridOf(part, body) {
  const radius = Math.max(part.wide, part.tall);
  const step = roundStep(Math.max(body * 0.7, radius * 0.17));
  return { ...part, radius, step, lines: Math.ceil((2.4 * radius) / step) };
}

function placesIn(frame, sets, placeOf) {
  return sets.flatMap((set) => frame.sets[set.number].map((pose) => placeOf(frame, set, pose)).filter(Boolean));
}

function meanOf(points) {
  return [0, 1, 2].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}

function reachAround(points, middle) {
  return Math.max(...points.map((point) => Math.hypot(point[0] - middle[0], point[2] - middle[2])));
}

/** Poses stand where their roots are; their paths over the ground, and the middle of them. */
function rootPlaces(clip, frames) {
  const of = (_, set, pose) => {
    const root = pose.root;
    return root && set.toScene(root);
  };
  const paths = clip.sets.flatMap((set) => clip.tracks.map((track) => {
    const points = spread(clip.frames, PATH_POINTS).map((frame) => {
      const pose = frame.sets[set.number].find((pose) => pose.track === track);
      const place = pose && of(frame, set, pose);
      return { index: frame.index, at: place ? [place[0], place[2]] : null };
    });
    return { set, track, points };
  }));
  const found = paths.flatMap(({ points }) => points.map(({ at }) => at).filter(Boolean));
  const middle = [0, 1].map((axis) => {
    const values = found.map((at) => at[axis]);
    return values.length ? (quantile(values, 0.02) + quantile(values, 0.98)) / 2 : 0;
  });
  return { of, paths, middle: [middle[0], 0, middle[1]] };
}

/**
 * A pose without a root knows no place, so several people would stand in one another: they are moved to the side by
 * their offset in the image, at the scale of their own bodies, and no further apart than fits on the picture; without
 * key points each has a place of its own in the row.
 */
function asidePlaces(clip, frames) {
  const places = (aside) => ({ of: (...pose) => [aside(...pose), 0, 0], paths: [], middle: [0, 0, 0] });
  if (clip.tracks.length < 2) return places(() => 0);
  const found = frames.flatMap((frame) => clip.sets.flatMap((set) => {
    return frame.sets[set.number].map((pose) => ({ pose, ...imagePlaceOf(frame, set, pose) }));
  }));
  const placed = found.filter(({ pixels, size }) => pixels > 0 && size > 0);
  const sizes = found.map(({ size }) => size).filter((size) => size > 0);
  const usual = sizes.length ? quantile(sizes, 0.5) : 1;
  if (!placed.length) {
    const middle = (clip.tracks.length - 1) / 2;
    return places((_, set, pose) => 0.6 * usual * (clip.tracks.indexOf(pose.track) - middle));
  }
  const scales = new Map(clip.tracks.map((track) => {
    const own = placed.filter(({ pose }) => pose.track === track).map(({ pixels, size }) => size / pixels);
    return [track, own.length ? quantile(own, 0.5) : 0];
  }));
  const middles = placed.map(({ middle }) => middle);
  const centre = (quantile(middles, 0.02) + quantile(middles, 0.98)) / 2;
  const offset = (middle, track) => (middle - centre) * scales.get(track);
  const widest = quantile(placed.map(({ middle, pose }) => Math.abs(offset(middle, pose.track))), 0.98);
  const shrink = Math.min(1, (1.3 * usual) / widest) || 1;
  return places((frame, set, pose) => {
    const { middle } = imagePlaceOf(frame, set, pose);
    return middle === null ? 0 : shrink * offset(middle, pose.track);
  });
}

/** A pose's person in the image: the middle and size in pixels, and the pose's own size in the scene. */
function imagePlaceOf(frame, set, pose) {
  const person = frame.people.find(({ track }) => track === pose.track);
  const points = person ? person.points.filter(Boolean) : [];
  const middle = points.length ? quantile(points.map((point) => point[0]), 0.5) : null;
  return { middle, pixels: reachOf(points), size: reachOf(pose.joints.map((joint) => joint && set.toScene(joint))) };
}

/** Turns directions of the scene towards the eye: x right, y down, z away from it. */
function rotation({ yaw, pitch }) {
  const [sinY, cosY, sinP, cosP] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  return ([x, y, z]) => {
    const [right, away] = [cosY * x + sinY * z, cosY * z - sinY * x];
    return [right, cosP * y - sinP * away, sinP * y + cosP * away];
  };
}

/** A function from points of the scene to pixels in `view`, depth, and pixels a unit there; `part` fills the view. */
function projection(eye, part, { left, top, width, height }) {
  const turn = rotation(eye);
  const distance = EYE_RADII * part.radius;
  // People in front of the middle are larger, and lower in the picture.
  const room = 1 + 0.12 * Math.max(0, part.wide / part.tall - 1);
  const fit = Math.min((0.46 * width) / part.wide, (0.4 * height) / (part.tall * room)) * eye.zoom;
  return (point) => {
    const [x, y, z] = turn(point.map((value, axis) => value - part.centre[axis]));
    const depth = distance + z;
    const scale = (fit * distance) / Math.max(depth, distance * 0.05);
    return { at: [left + width / 2 + x * scale, top + height / 2 + y * scale], depth, scale };
  };
}

/** The largest of 1, 2, 5 · 10ⁿ that is at most `length`. */
function roundStep(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return [5, 2, 1].find((digit) => digit * power <= length) * power;
}
