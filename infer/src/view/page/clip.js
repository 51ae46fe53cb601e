// From the data block to a clip: frames, sets of poses to show or compare, tracks, and bones.

/** Reads the header, every whole row, and notes; a last line that was cut off is left out. */
function readClip(text) {
  const lines = text.slice(0, text.lastIndexOf("\n")).trim().split("\n");
  const info = JSON.parse(lines[0]);
  const { pool, decode } = rowDecoder(info);
  const frames = [];
  const notes = [...info.notes];
  for (const line of lines.slice(1)) {
    if (line.startsWith("{")) notes.push(JSON.parse(line).note);
    else frames.push(decode(line));
  }
  const sets = info.sets.map((set, number) => describeSet(set, number, frames));
  const rate = info.sets.map((set) => set.fps).find((fps) => fps > 0);
  const timed = rateOf(frames);
  const fps = rate ?? timed ?? 30;
  frames.forEach((frame, position) => { frame.time ??= position / fps; });
  return { info, pool, notes, frames, sets, fps, rate, timed, tracks: tracksOf(frames) };
}

/** Frames a second by the frames' own times, or null where they have none. */
function rateOf(frames) {
  if (frames.length < 2 || frames.some(({ time }) => time === null)) return null;
  const steps = frames.slice(1).map(({ time }, at) => time - frames[at].time);
  // Times may be rounded, so that a mean says more than a median; frames that were left out do not count.
  const usual = quantile(steps, 0.5);
  const even = steps.filter((step) => step <= 1.5 * usual);
  const step = even.reduce((sum, step) => sum + step, 0) / even.length;
  return step > 0 ? Math.round(100 / step) / 100 : null;
}

/** A set of poses: its header, what its poses have, and the way from its axes and unit to those of the scene. */
function describeSet(set, number, frames) {
  const has = (test) => frames.some((frame) => frame.sets[number].some(test));
  return {
    ...set,
    number,
    bones: bonesOf(set.skeleton),
    toScene: sceneAxes(set),
    hasRoots: has((pose) => pose.rootAt >= 0),
    hasSigma: has((pose) => pose.sigmaAt >= 0),
    hasAngles: has((pose) => pose.anglesAt >= 0),
    isLevel: set.axes !== "camera",
  };
}

/** From a set's axes and unit to the scene's: x right, y down, z away; metres where the unit's size is known. */
function sceneAxes({ axes, metres }) {
  const scale = metres ?? 1;
  const turns = {
    "y-up": ([x, y, z]) => [x, -y, -z],
    "z-up": ([x, y, z]) => [x, -z, y],
  };
  const turn = turns[axes] ?? ((point) => point);
  return (point) => turn(point).map((value) => value * scale);
}

function tracksOf(frames) {
  const tracks = new Set();
  for (const { people, sets } of frames) {
    for (const { track } of people) tracks.add(track);
    for (const poses of sets) for (const { track } of poses) tracks.add(track);
  }
  return [...tracks].sort((a, b) => a - b);
}

/** At most `most` of `items`, evenly spread. */
function spread(items, most) {
  const stride = Math.ceil(items.length / most) || 1;
  return stride === 1 ? items : items.filter((_, at) => at % stride === 0);
}

function sideOf(joint) {
  return joint.startsWith("left") ? "left" : joint.startsWith("right") ? "right" : "middle";
}

/** The lines to draw: each end is the mean of one or two joints. */
function bonesOf({ joints, parents }) {
  const at = (name) => joints.indexOf(name);
  const bones = [];
  parents.forEach((parent, joint) => {
    if (parent >= 0) bones.push({ from: [parent], to: [joint], side: sideOfBone(joints[parent], joints[joint]) });
  });
  if (at("neck") < 0 && at("thorax") < 0) closeTorso(bones, at);
  return bones;
}

function sideOfBone(parent, joint) {
  const [from, to] = [sideOf(parent), sideOf(joint)];
  return from !== to && from !== "middle" && to !== "middle" ? "middle" : to;
}

/** Layouts with no neck are trees by way of one shoulder: draw the neck from between the shoulders, and the hips' line. */
function closeTorso(bones, at) {
  const shoulders = [at("left_shoulder"), at("right_shoulder")];
  const hips = [at("left_hip"), at("right_hip")];
  if (shoulders.includes(-1)) return;
  const isNeck = ({ from, to }) => from[0] === at("nose") && shoulders.includes(to[0]);
  const neck = bones.findIndex(isNeck);
  if (neck >= 0) bones[neck] = { from: [at("nose")], to: shoulders, side: "middle" };
  if (!hips.includes(-1)) bones.push({ from: [hips[0]], to: [hips[1]], side: "middle" });
}

/** The point at a bone's end, or null if a joint of it is missing. */
function endOf(joints, points) {
  const ends = joints.map((joint) => points[joint]);
  if (ends.some((end) => !end)) return null;
  return ends[0].map((_, axis) => ends.reduce((sum, end) => sum + end[axis], 0) / ends.length);
}

/** The value that `share` of the numbers do not exceed. */
function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
