// From the data block to frames. Points come out as [x, y] pixels and [x, y, z]
// in the clip's unit, or null where there is none.

/** Reads the header and every whole row; a last row that was cut off is left out. */
function readClip(text) {
  const [head, ...lines] = text.trim().split("\n");
  const info = JSON.parse(head);
  const frames = [];
  let size = null;
  for (const line of lines) {
    let row;
    try {
      row = JSON.parse(line);
    } catch {
      break;
    }
    if (row[2] !== 0) size = row[2];
    frames.push(readFrame(row, size, info));
  }
  const timed = rateOf(frames);
  const fps = info.fps > 0 ? info.fps : timed ?? 30;
  frames.forEach((frame, position) => { frame.time ??= position / fps; });
  return { info, frames, fps, timed, tracks: tracksOf(frames) };
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

function readFrame([index, time, , people, poses], size, info) {
  return {
    index,
    time,
    size,
    people: people.map(([id, points, scores], place) => ({
      track: id ?? place,
      points: groups(points, 2, info.pixel_steps),
      scores: groups([...scores], 2, 1).map((digits) => Number(digits.join("")) / 100),
    })),
    poses: poses.map(([id, score, joints], place) => ({
      track: id ?? place,
      score,
      joints: groups(joints, 3, info.unit_steps ?? 1),
    })),
  };
}

/** Cuts `values` into points of `width` numbers, `steps` of which make one. */
function groups(values, width, steps) {
  const points = [];
  for (let at = 0; at < values.length; at += width) {
    const point = values.slice(at, at + width);
    points.push(point.includes(null) ? null : steps === 1 ? point : point.map((value) => value / steps));
  }
  return points;
}

function tracksOf(frames) {
  const people = frames.flatMap((frame) => [...frame.people, ...frame.poses]);
  return [...new Set(people.map((person) => person.track))].sort((a, b) => a - b);
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
