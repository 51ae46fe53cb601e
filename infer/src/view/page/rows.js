// Rows of bytes, as rows.rs writes them: quantised, delta coded, variable-length integers.

const FLAGS = { root: 1, sigma: 2, angles: 4, angleSigma: 8, unsure: 16, missingJoints: 32 };

/** Numbers in one growing Float32Array: frames of long clips would be millions of small arrays. */
class Pool {
  constructor() {
    this.numbers = new Float32Array(1 << 16);
    this.length = 0;
  }

  /** Makes room for `count` numbers and returns the place of the first. */
  reserve(count) {
    const at = this.length;
    this.length += count;
    if (this.length > this.numbers.length) {
      const larger = new Float32Array(2 * this.length);
      larger.set(this.numbers);
      this.numbers = larger;
    }
    return at;
  }

  /** The points of `width` numbers each at `at`, null where one is missing. */
  points(at, count, width) {
    const points = [];
    for (let end = at + count * width; at < end; at += width) {
      const point = Array.from(this.numbers.subarray(at, at + width));
      points.push(point.some(Number.isNaN) ? null : point);
    }
    return points;
  }
}

/** Reads the integers of one row. */
class RowReader {
  constructor(line) {
    this.bytes = atob(line);
    this.at = 0;
  }

  byte() {
    if (this.at >= this.bytes.length) throw new RangeError("the row ends early");
    return this.bytes.charCodeAt(this.at++);
  }

  unsigned() {
    let [value, scale, byte] = [0, 1, 128];
    while (byte >= 128) {
      byte = this.byte();
      value += (byte & 127) * scale;
      scale *= 128;
    }
    return value;
  }

  signed() {
    return unzigzag(this.unsigned());
  }

  optional() {
    const code = this.unsigned();
    return code === 0 ? null : unzigzag(code - 1);
  }

  /** Reads `count` optional deltas against `last`, from `from` on, into `pool`, as multiples of `step`. */
  deltas(count, last, from, step, pool) {
    const at = pool.reserve(count);
    for (let index = 0; index < count; index++) {
      const delta = this.optional();
      if (delta !== null) last[from + index] += delta;
      pool.numbers[at + index] = delta === null ? NaN : last[from + index] * step;
    }
    return at;
  }
}

function unzigzag(code) {
  return code % 2 ? -(code + 1) / 2 : code / 2;
}

/** Decodes rows of a page with this header, one after another. */
function rowDecoder(info) {
  const pool = new Pool();
  const people = new Map();
  const sets = info.sets.map(({ skeleton }) => ({ joints: skeleton.joints.length, step: 0, tracks: new Map() }));
  let [index, time, size] = [-1, 0, null];
  return { pool, decode };

  function decode(line) {
    const row = new RowReader(line);
    index += row.signed();
    const elapsed = row.optional();
    if (elapsed !== null) time += elapsed;
    size = readSize(row);
    const frame = { index, time: elapsed === null ? null : time / 1000, size };
    frame.people = list(row, (place) => readPerson(row, place));
    frame.sets = sets.map((set) => list(row, (place) => readPose(row, place, set)));
    return frame;
  }

  function list(row, read) {
    return Array.from({ length: row.unsigned() }, (_, place) => read(place));
  }

  function readSize(row) {
    const change = row.unsigned();
    return change === 0 ? size : change === 1 ? null : [row.unsigned(), row.unsigned()];
  }

  function readPerson(row, place) {
    const id = row.optional();
    const count = row.unsigned();
    const last = stateOf(people, id, place, count);
    const at = row.deltas(count, last, 0, 1 / info.pixel_steps, pool);
    const joints = count / 2;
    const scores = pool.reserve(joints);
    for (let joint = 0; joint < joints; joint++) pool.numbers[scores + joint] = row.byte() / 100;
    return new Person(pool, id ?? place, joints, at, scores);
  }

  function readPose(row, place, set) {
    const id = row.optional();
    const flags = row.byte();
    if (set.step === 0) set.step = 5 * 10 ** row.signed();
    const score = row.byte() / 100;
    const angles = info.angles.length;
    const last = stateOf(set.tracks, id, place, 4 * set.joints + 3 + 2 * angles);
    const [root, sigma, degrees] = [3 * set.joints, 3 * set.joints + 3, 4 * set.joints + 3];
    const pose = new Pose(pool, id ?? place, set.joints, score);
    pose.jointsAt = row.deltas(3 * set.joints, last, 0, set.step, pool);
    if (flags & FLAGS.root) pose.rootAt = row.deltas(3, last, root, set.step, pool);
    if (flags & FLAGS.sigma) pose.sigmaAt = row.deltas(set.joints, last, sigma, set.step, pool);
    if (flags & FLAGS.angles) pose.anglesAt = row.deltas(angles, last, degrees, 1 / info.angle_steps, pool);
    if (flags & FLAGS.angleSigma) {
      pose.angleSigmaAt = row.deltas(angles, last, degrees + angles, 1 / info.angle_steps, pool);
    }
    pose.unsure = (flags & FLAGS.unsure) !== 0;
    if (flags & FLAGS.missingJoints) pose.missing = list(row, () => row.unsigned());
    return pose;
  }

  /** The last values of a track, at least `count` of them; 0 where there were none. */
  function stateOf(tracks, id, place, count) {
    const key = id === null ? `place ${place}` : id;
    const last = tracks.get(key) ?? [];
    while (last.length < count) last.push(0);
    tracks.set(key, last);
    return last;
  }
}

/** A person's key points in one frame. */
class Person {
  constructor(pool, track, joints, at, scoresAt) {
    Object.assign(this, { pool, track, count: joints, at, scoresAt });
  }

  /** [x, y] in pixels, null where a point is missing. */
  get points() {
    return this.pool.points(this.at, this.count, 2);
  }

  get scores() {
    return this.pool.numbers.subarray(this.scoresAt, this.scoresAt + this.count);
  }
}

/** A person's pose in one frame; places in the pool are -1 where there is nothing. */
class Pose {
  constructor(pool, track, joints, score) {
    Object.assign(this, { pool, track, count: joints, score, jointsAt: -1, rootAt: -1, sigmaAt: -1 });
    Object.assign(this, { anglesAt: -1, angleSigmaAt: -1, unsure: false, missing: [] });
  }

  /** [x, y, z] in the stream's axes and unit, from the root; null where a joint is missing. */
  get joints() {
    return this.pool.points(this.jointsAt, this.count, 3);
  }

  get root() {
    return this.rootAt < 0 ? null : this.pool.points(this.rootAt, 1, 3)[0];
  }

  /** The joints' sigma in the stream's unit, or null. */
  get sigma() {
    return this.sigmaAt < 0 ? null : this.pool.numbers.subarray(this.sigmaAt, this.sigmaAt + this.count);
  }
}
