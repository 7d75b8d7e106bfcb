// One table: each row is a figure with its peer, its aim, and whether the aim is met.
import { format, formatSummary, pairedRatios, summary } from "./statistics.mjs";

const HEADER = [
  "| measurement | median (min–max) | compared with | ratio (min–max) | aim | met | n |",
  "| --- | --- | --- | --- | --- | --- | --- |",
];

/**
 * A row:
 *
 * - `what`: the measurement in words.
 * - `value`: a function from the measurements to a series (repetition → value), or `null`.
 * - `unit`.
 * - `peer`: `{ name, value }`; the figure is compared with it.
 * - `aim`: `{ atLeast }` or `{ atMost }`, of the ratio if there is a peer, otherwise of the figure.
 */
export function renderTable(rows, measurements) {
  return [...HEADER, ...rows.map((row) => renderRow(row, measurements))].join("\n");
}

/** The state of a row: `missing`, `met`, `missed`, or `none` if it has no aim. */
export function evaluate(row, measurements) {
  const series = row.value(measurements);
  const peer = row.peer?.value(measurements);
  if (!series || (row.peer && !peer)) return { state: "missing" };
  const values = [...series.values()];
  const ratios = row.peer ? pairedRatios(series, peer) : null;
  const judged = summary(ratios ?? values).median;
  return { state: judge(row.aim, judged), values, ratios, judged };
}

function judge(aim, value) {
  if (!aim) return "none";
  const met = "atLeast" in aim ? value >= aim.atLeast : value <= aim.atMost;
  return met ? "met" : "missed";
}

function renderRow(row, measurements) {
  const { state, values, ratios } = evaluate(row, measurements);
  const peer = row.peer?.name ?? "";
  if (state === "missing") {
    return cells([row.what, "not measured", peer, "", renderAim(row), "–", 0]);
  }
  const figure = `${formatSummary(summary(values))} ${row.unit}`.trim();
  const ratio = ratios ? formatSummary(summary(ratios)) : "";
  const met = { met: "yes", missed: "**no**", none: "–" }[state];
  return cells([row.what, figure, peer, ratio, renderAim(row), met, values.length]);
}

function renderAim({ aim, unit, peer }) {
  if (!aim) return "–";
  const [sign, bound] = "atLeast" in aim ? ["≥", aim.atLeast] : ["≤", aim.atMost];
  return peer ? `${sign} ${bound}` : `${sign} ${format(bound)} ${unit}`.trim();
}

function cells(values) {
  return `| ${values.map((value) => String(value).replaceAll("|", "\\|")).join(" | ")} |`;
}
