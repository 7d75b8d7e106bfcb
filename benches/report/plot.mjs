// A line chart as SVG, readable on light and on dark pages.
import { format } from "./statistics.mjs";

const WIDTH = 760;
const HEIGHT = 400;
const MARGIN = { top: 46, right: 190, bottom: 56, left: 74 };
const TICKS = 5;
// Distinguishable with the common kinds of colour blindness; a second set for dark pages.
const COLORS = ["#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#64748b", "#b8860b"];
const DARK_COLORS = ["#60a5fa", "#fb923c", "#4ade80", "#c4b5fd", "#94a3b8", "#facc15"];
const DASHES = ["", "7 4", "2 4", "9 3 2 3", "", "4 2"];

/**
 * `x` has `label`, and either `categories` (texts at equal distances) or a linear scale from 0.
 * Each series has a `name` and `points` of `[x, { median, min, max }]`; with categories, `x` is the
 * index of one.
 */
export function lineChart({ title, x, y, series }) {
  const scaleX = horizontalScale(x, series);
  const scaleY = verticalScale(series);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" ` +
      `aria-label="${escape(title)}">`,
    `<style>${style(series.length)}</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="title" x="${MARGIN.left}" y="26">${escape(title)}</text>`,
    ...verticalAxis(scaleY, y.label),
    ...horizontalAxis(scaleX, x.label),
    ...series.flatMap((one, index) => line(one, index, scaleX, scaleY)),
    ...legend(series),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

function style(count) {
  const rules = (colors) =>
    Array.from({ length: count }, (_, index) => {
      const color = colors[index % colors.length];
      return `.s${index}{stroke:${color}}.f${index}{fill:${color}}`;
    }).join("");
  return [
    "text{font:13px system-ui,sans-serif;fill:#1f2937}.title{font-size:15px;font-weight:600}",
    ".page{fill:#ffffff}.grid{stroke:#d1d5db}.axis{stroke:#4b5563}",
    ".line{fill:none;stroke-width:2.2}.spread{stroke-width:1.4}",
    rules(COLORS),
    "@media (prefers-color-scheme:dark){text{fill:#e5e7eb}.page{fill:#0d1117}",
    `.grid{stroke:#30363d}.axis{stroke:#8b949e}${rules(DARK_COLORS)}}`,
  ].join("");
}

function horizontalScale({ categories, ticks }, series) {
  const width = WIDTH - MARGIN.left - MARGIN.right;
  if (categories) {
    const step = width / categories.length;
    const at = (index) => MARGIN.left + step * (index + 0.5);
    return { at, ticks: categories.map((text, index) => [at(index), text]) };
  }
  const max = Math.max(...series.flatMap(({ points }) => points.map(([value]) => value)), ...ticks);
  const at = (value) => MARGIN.left + (width * value) / max;
  return { at, ticks: ticks.map((value) => [at(value), String(value)]) };
}

function verticalScale(series) {
  const values = series.flatMap(({ points }) => points.map(([, { max }]) => max));
  const step = niceStep(Math.max(...values) / TICKS);
  const top = step * Math.ceil(Math.max(...values) / step);
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  const at = (value) => HEIGHT - MARGIN.bottom - (height * value) / top;
  const ticks = [];
  for (let value = 0; value <= top; value += step) {
    ticks.push([at(value), value === 0 ? "0" : format(value)]);
  }
  return { at, ticks };
}

/** The smallest of 1, 2, 2.5, 5 times a power of ten that is at least this. */
export function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999);
}

function verticalAxis({ ticks }, label) {
  const right = WIDTH - MARGIN.right;
  const middle = (MARGIN.top + HEIGHT - MARGIN.bottom) / 2;
  return [
    ...ticks.map(
      ([y, text]) =>
        `<line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${fixed(y)}" ` +
        `y2="${fixed(y)}"/>` +
        `<text x="${MARGIN.left - 8}" y="${fixed(y + 4)}" text-anchor="end">${text}</text>`,
    ),
    `<text x="18" y="${middle}" text-anchor="middle" transform="rotate(-90 18 ${middle})">` +
      `${escape(label)}</text>`,
  ];
}

function horizontalAxis({ ticks }, label) {
  const bottom = HEIGHT - MARGIN.bottom;
  const right = WIDTH - MARGIN.right;
  const middle = (MARGIN.left + right) / 2;
  return [
    `<line class="axis" x1="${MARGIN.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`,
    ...ticks.map(
      ([x, text]) =>
        `<line class="axis" x1="${fixed(x)}" x2="${fixed(x)}" y1="${bottom}" y2="${bottom + 5}"/>` +
        `<text x="${fixed(x)}" y="${bottom + 20}" text-anchor="middle">${escape(text)}</text>`,
    ),
    `<text x="${middle}" y="${HEIGHT - 12}" text-anchor="middle">${escape(label)}</text>`,
  ];
}

function line({ points }, index, scaleX, scaleY) {
  const position = ([x, { median }]) => `${fixed(scaleX.at(x))},${fixed(scaleY.at(median))}`;
  const path = points.map(position);
  return [
    `<polyline class="line s${index}" stroke-dasharray="${DASHES[index % DASHES.length]}" ` +
      `points="${path.join(" ")}"/>`,
    ...points.map(([x, { median, min, max }]) => {
      const [px, low, high] = [scaleX.at(x), scaleY.at(min), scaleY.at(max)].map(fixed);
      return (
        `<line class="spread s${index}" x1="${px}" x2="${px}" y1="${low}" y2="${high}"/>` +
        `<circle class="f${index}" cx="${px}" cy="${fixed(scaleY.at(median))}" r="3.6"/>`
      );
    }),
  ];
}

function legend(series) {
  const x = WIDTH - MARGIN.right + 14;
  return series.map(({ name }, index) => {
    const y = MARGIN.top + 12 + index * 24;
    return (
      `<line class="line s${index}" stroke-dasharray="${DASHES[index % DASHES.length]}" ` +
      `x1="${x}" x2="${x + 24}" y1="${y}" y2="${y}"/>` +
      `<circle class="f${index}" cx="${x + 12}" cy="${y}" r="3.6"/>` +
      `<text x="${x + 31}" y="${y + 4}">${escape(name)}</text>`
    );
  });
}

function fixed(number) {
  return Number(number.toFixed(1));
}

function escape(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
