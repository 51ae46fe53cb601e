// The left picture: key points over a frame of the image's size.

/** Draws frames of `clip` on `canvas`; returns a function that draws one and returns the spots that can be pointed at. */
function imageView(canvas, clip) {
  const layout = clip.info.layout;
  const bones = layout ? bonesOf(layout) : [];
  const extent = extentOf(clip);

  return function draw(frame, palette) {
    const { context, width, height } = freshContext(canvas);
    const box = frame.size ? [0, 0, ...frame.size] : extent;
    const inner = [14, 32, width - 28, height - 46];
    const scale = Math.min(inner[2] / (box[2] - box[0]), inner[3] / (box[3] - box[1]));
    const [wide, high] = [(box[2] - box[0]) * scale, (box[3] - box[1]) * scale];
    const [left, top] = [inner[0] + (inner[2] - wide) / 2, inner[1] + (inner[3] - high) / 2];
    const place = (point) => point && [left + (point[0] - box[0]) * scale, top + (point[1] - box[1]) * scale];

    context.fillStyle = palette.image;
    context.fillRect(left, top, wide, high);
    drawThirds(context, palette, left, top, wide, high);
    const spots = frame.people.flatMap((person) => drawPerson(context, palette, person, place));
    if (frame.size) {
      write(context, `${frame.size[0]} × ${frame.size[1]} px`, [left + wide - 8, top + high - 12], palette.faint, "right", 11);
    }
    return spots;
  };

  function drawPerson(context, palette, person, place) {
    const points = person.points.map(place);
    const size = reachOf(points);
    const thick = Math.min(4.5, Math.max(1.5, size / 55));
    for (const { from, to, side } of bones) {
      const ends = [endOf(from, points), endOf(to, points)];
      if (ends.includes(null)) continue;
      context.globalAlpha = fade(Math.min(...[...from, ...to].map((joint) => person.scores[joint])));
      line(context, ...ends, colourOf(clip, palette, person.track, side), thick);
    }
    const spots = [];
    points.forEach((at, joint) => {
      if (!at) return;
      const name = layout ? layout.joints[joint] : `joint ${joint}`;
      const score = person.scores[joint];
      context.globalAlpha = fade(score);
      dot(context, at, thick * 0.95 + 1, palette.panel);
      dot(context, at, thick * 0.95, colourOf(clip, palette, person.track, sideOf(name)));
      const [x, y] = person.points[joint];
      spots.push({ at, text: `${name}   x ${x.toFixed(1)}  y ${y.toFixed(1)} px   score ${score.toFixed(2)}` });
    });
    context.globalAlpha = 1;
    if (clip.tracks.length > 1) drawTrack(context, palette, person.track, points);
    return spots;
  }

  function drawTrack(context, palette, track, points) {
    const seen = points.filter(Boolean);
    if (!seen.length) return;
    const top = seen.reduce((best, point) => (point[1] < best[1] ? point : best));
    write(context, `#${track}`, [top[0], top[1] - 12], colourOf(clip, palette, track, "left"), "center");
  }
}

/** Lines at thirds of the image, for the eye to hold on to. */
function drawThirds(context, palette, left, top, wide, high) {
  context.globalAlpha = 0.5;
  for (const third of [1 / 3, 2 / 3]) {
    line(context, [left + wide * third, top], [left + wide * third, top + high], palette.line, 1);
    line(context, [left, top + high * third], [left + wide, top + high * third], palette.line, 1);
  }
  context.globalAlpha = 1;
}

/** Points that a detector doubts are paler, and never invisible. */
function fade(score) {
  return 0.25 + 0.75 * Math.min(1, score / 0.6);
}

/** The diagonal of the box around points. */
function reachOf(points) {
  const seen = points.filter(Boolean);
  if (!seen.length) return 0;
  const spans = [0, 1].map((axis) => {
    const values = seen.map((point) => point[axis]);
    return Math.max(...values) - Math.min(...values);
  });
  return Math.hypot(...spans);
}

/** The box [left, top, right, bottom] around nearly all key points of a clip, with a margin. */
function extentOf(clip) {
  const points = clip.frames.flatMap((frame) => frame.people.flatMap((person) => person.points.filter(Boolean)));
  if (!points.length) return [0, 0, 4, 3];
  const [x, y] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const box = [quantile(x, 0.002), quantile(y, 0.002), quantile(x, 0.998), quantile(y, 0.998)];
  const margin = 0.08 * Math.max(box[2] - box[0], box[3] - box[1]) || 1;
  return [box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin];
}
