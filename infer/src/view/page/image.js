// The left picture: key points over a frame of the image's size.

/**
 * Draws frames of `clip` on `canvas`, whole or close to the people; returns a function that draws one frame and returns
 * the spots that can be pointed at.
 */
function imageView(canvas, clip) {
  const layout = clip.info.layout;
  const bones = layout ? bonesOf(layout) : [];
  const extent = boxAround(spread(clip.frames, SCENE_FRAMES).flatMap(pointsOf), 0.002);
  const closeReach = reachOfPeople(clip);

  return function draw(frame, palette, close) {
    const { context, width, height } = freshContext(canvas);
    const shown = close ? closeBox(frame) : frame.size ? [0, 0, ...frame.size] : extent;
    const inner = [14, 32, width - 28, height - 46];
    const scale = Math.min(inner[2] / (shown[2] - shown[0]), inner[3] / (shown[3] - shown[1]));
    const left = inner[0] + (inner[2] - (shown[2] - shown[0]) * scale) / 2;
    const top = inner[1] + (inner[3] - (shown[3] - shown[1]) * scale) / 2;
    const place = (point) => point && [left + (point[0] - shown[0]) * scale, top + (point[1] - shown[1]) * scale];

    drawFrame(context, palette, place(frame.size ? [0, 0] : extent), place(frame.size ?? extent.slice(2)), frame.size);
    return frame.people.flatMap((person) => drawPerson(context, palette, person, place));
  };

  /** The same size all through the clip, about the frame's people. */
  function closeBox(frame) {
    const [left, top, right, bottom] = boxAround(pointsOf(frame), 0);
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    return [x - closeReach, y - closeReach, x + closeReach, y + closeReach];
  }

  function drawPerson(context, palette, person, place) {
    const measured = person.points;
    const points = measured.map(place);
    const { scores } = person;
    const size = reachOf(points);
    const thick = Math.min(4.5, Math.max(1.5, size / 55));
    for (const { from, to, side } of bones) {
      const ends = [endOf(from, points), endOf(to, points)];
      if (ends.includes(null)) continue;
      context.globalAlpha = fade(Math.min(...[...from, ...to].map((joint) => scores[joint])));
      line(context, ...ends, colourOf(clip, palette, null, person.track, side), thick);
    }
    const spots = [];
    points.forEach((at, joint) => {
      if (!at) return;
      const name = layout ? layout.joints[joint] : `joint ${joint}`;
      const score = scores[joint];
      context.globalAlpha = fade(score);
      dot(context, at, thick * 0.95 + 1, palette.panel);
      dot(context, at, thick * 0.95, colourOf(clip, palette, null, person.track, sideOf(name)));
      const [x, y] = measured[joint];
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
    write(context, `#${track}`, [top[0], top[1] - 12], colourOf(clip, palette, null, track, "left"), "center");
  }
}

/** The image's area, with lines at its thirds for the eye to hold on to. */
function drawFrame(context, palette, [left, top], [right, bottom], size) {
  context.fillStyle = palette.image;
  context.fillRect(left, top, right - left, bottom - top);
  for (const third of [1 / 3, 2 / 3]) {
    const [x, y] = [left + (right - left) * third, top + (bottom - top) * third];
    line(context, [x, top], [x, bottom], palette.line, 1);
    line(context, [left, y], [right, y], palette.line, 1);
  }
  if (size) write(context, `${size[0]} × ${size[1]} px`, [right - 8, bottom - 12], palette.faint, "right", 11);
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

function pointsOf(frame) {
  return frame.people.flatMap((person) => person.points.filter(Boolean));
}

/** The box [left, top, right, bottom] around points but for a share at each end. */
function boxAround(points, share) {
  if (!points.length) return [0, 0, 4, 3];
  const [x, y] = [0, 1].map((axis) => points.map((point) => point[axis]));
  return [quantile(x, share), quantile(y, share), quantile(x, 1 - share), quantile(y, 1 - share)];
}

/** Half the side of a square that holds the people of nearly every frame. */
function reachOfPeople(clip) {
  const sides = spread(clip.frames, SCENE_FRAMES).filter(({ people }) => people.length).map((frame) => {
    const [left, top, right, bottom] = boxAround(pointsOf(frame), 0);
    return Math.max(right - left, bottom - top);
  });
  return sides.length ? 0.6 * quantile(sides, 0.95) || 1 : 1;
}
