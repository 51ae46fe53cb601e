// What both pictures share: canvases that fit their pixels, and the colours.

/** Fits a canvas to its box and returns its context, cleared, in units of CSS pixels. */
function freshContext(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.lineCap = context.lineJoin = "round";
  return { context, width, height };
}

/** The page's colours as they are now, light or dark. */
function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const names = ["page", "panel", "image", "ink", "faint", "line", "grid", "accent", "left", "right", "middle", "gap"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function isDark() {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * Sets that are compared are told apart by colour, the right side paler; in a clip of one set, one person alone is
 * coloured by side, and several each by track.
 */
function colourOf(clip, palette, set, track, side) {
  if (set && clip.sets.length > 1) return shade(205 + 177 * set.number, side);
  if (clip.tracks.length < 2) return palette[side];
  return shade(205 + 137.5 * clip.tracks.indexOf(track), side);
}

function shade(hue, side) {
  const lightness = { left: 46, middle: 54, right: 64 }[side] + (isDark() ? 8 : 0);
  return `hsl(${(hue % 360).toFixed(1)} 68% ${lightness}%)`;
}

function line(context, from, to, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(from[0], from[1]);
  context.lineTo(to[0], to[1]);
  context.stroke();
}

function dot(context, at, radius, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(at[0], at[1], radius, 0, 2 * Math.PI);
  context.fill();
}

function write(context, text, at, colour, align = "left", size = 12) {
  context.fillStyle = colour;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.font = `${size}px system-ui, sans-serif`;
  context.fillText(text, at[0], at[1]);
}

/** The named spot nearest to `at` among those within reach, or undefined. */
function nearest(spots, at) {
  let reach = 12;
  let found;
  for (const spot of spots) {
    const far = Math.hypot(spot.at[0] - at[0], spot.at[1] - at[1]);
    if (far < reach) [reach, found] = [far, spot];
  }
  return found;
}
