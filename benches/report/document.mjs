// Fills the template of docs/BENCHMARKS.md, and the figures that README.md repeats.
import {
  renderProcessors,
  renderRoundTrips,
  renderUncompressed,
  renderWriting,
} from "./bounds.mjs";
import { TABLES, bestBaseline, providerRows } from "./rows.mjs";
import { engineStep, renderSizing } from "./sizing.mjs";
import { median, pairedRatios, summary, format } from "./statistics.mjs";
import { evaluate, renderTable } from "./table.mjs";

/** Replaces each `{{placeholder}}` of the template. */
export function renderDocument(template, measurements) {
  const values = placeholders(measurements);
  return template.replace(/\{\{([a-z_.]+)\}\}/g, (_, name) => {
    if (!(name in values)) throw new Error(`the template has an unknown placeholder: ${name}`);
    return values[name];
  });
}

/** What every row says about its aim, counted. */
export function verdict(measurements) {
  const states = { met: 0, missed: 0, missing: 0, none: 0 };
  for (const row of Object.values(TABLES).flat()) states[evaluate(row, measurements).state] += 1;
  return states;
}

/** The rows that have no measurements. */
export function missing(measurements) {
  const rows = Object.values(TABLES).flat();
  return rows.filter((row) => evaluate(row, measurements).state === "missing");
}

function placeholders(measurements) {
  const values = {};
  for (const [name, rows] of Object.entries(TABLES)) {
    values[`table.${name}`] = renderTable(rows, measurements);
  }
  values["table.provider"] = renderTable(providerRows(measurements), measurements);
  const { met, missed, missing: absent } = verdict(measurements);
  const rest = absent ? `, and ${absent} rows were not measured` : "";
  values.verdict = `${met} aims are met, ${missed} are not${rest}.`;
  values.environment = renderEnvironment(measurements);
  values.rows_per_order = renderRowsPerOrder(measurements);
  values.writing = renderWriting(measurements);
  values.processors = renderProcessors(measurements);
  values.round_trips = renderRoundTrips(measurements);
  values.uncompressed = renderUncompressed(measurements);
  values.sizing = renderSizing(measurements);
  values.engine_steps = renderSteps(measurements);
  values.growth_rows = renderGrowthRows(measurements);
  values.read_bytes = renderReadBytes(measurements);
  return values;
}

/** A list of what the figures depend on. Parts that were measured elsewhere are listed apart. */
function renderEnvironment(measurements) {
  const groups = new Map();
  for (const [part, environment] of measurements.environments) {
    const text = JSON.stringify(environment);
    groups.set(text, [...(groups.get(text) ?? []), part]);
  }
  return [...groups].map(([text, parts]) => describe(JSON.parse(text), parts)).join("\n\n");
}

function describe(environment, parts) {
  const { commit, rustc, kernel, cores, processor, memory, postgres, sqlite } = environment;
  const { server_version: version, ...settings } = postgres ?? {};
  const pairs = Object.entries(settings).map(([name, value]) => `\`${name}\` ${value}`);
  const gib = Math.round(parseInt(memory, 10) / 1024 ** 2);
  const lines = [
    `- measured: ${parts.join(", ")}`,
    `- matchcast: commit ${commit}, ${rustc}`,
    `- machine: ${cores} cores of ${processor}, ${gib} GiB memory, ${kernel}`,
  ];
  if (postgres) lines.push(`- PostgreSQL ${version}: ${pairs.join(", ")}`);
  if (sqlite) {
    const { version: number, synchronous, journal_mode: mode } = sqlite;
    lines.push(`- SQLite ${number}: \`synchronous\` ${synchronous}, \`journal_mode\` ${mode}`);
  }
  return lines.join("\n");
}

/** The steps of a batch on PostgreSQL, in the order of a batch. */
const STEPS = ["lock", "load", "decide", "write", "commit"];

/** The time of each step per order, with the fewest and the most clients. */
function renderSteps(measurements) {
  const cell = (step, clients) => {
    const found = engineStep(measurements, step, clients);
    return found === null ? "not measured" : `${format(found)} µs`;
  };
  const line = (step) => `| ${step} | ${cell(step, 1)} | ${cell(step, 256)} |`;
  const head = ["| step | 1 client | 256 clients |", "| --- | --- | --- |"];
  return [...head, ...STEPS.map(line)].join("\n");
}

function renderRowsPerOrder(measurements) {
  const all = measurements.all("engine.ceiling_rows_per_order", { foreign_keys: "kept" });
  const lines = all.map(({ parameters, values }) => {
    const [table, operation] = parameters.rows.split(".");
    return `| \`${table}\` | ${operation} | ${format(median([...values.values()]))} |`;
  });
  return ["| table | rows | per order |", "| --- | --- | --- |", ...lines].join("\n");
}

function renderGrowthRows(measurements) {
  const rows = (size) => {
    const count = (table) =>
      format([...(measurements.find("growth.growth_rows", { size, table }) ?? [[1, 0]])][0][1]);
    return (
      `${count("open_orders")} open orders of ${count("users")} users, with a history of ` +
      `${count("history_orders")} orders and ${count("history_entries")} ledger entries`
    );
  };
  return `The large database has ${rows("large")}; the small one has ${rows("small")}.`;
}

function renderReadBytes(measurements) {
  const all = measurements.all("reads.read_bytes", { conditional: false });
  const texts = all.map(
    ({ parameters, values }) =>
      `${format(median([...values.values()]))} bytes (${parameters.encoding})`,
  );
  return texts.length === 0 ? "not measured" : texts.join(", ");
}

const README_ROW = /^\| orders per second \|.*$/m;

/** README.md with the figures of this run. Unchanged if they were not measured. */
export function updateReadme(readme, measurements) {
  const engine = measurements.find("engine.engine", { database: "postgres", clients: 256 });
  const baseline = bestBaseline("statements")(measurements);
  if (!engine || !baseline) return readme;
  if (!README_ROW.test(readme)) throw new Error("README.md has no row of orders per second");
  const ratio = format(summary(pairedRatios(engine, baseline)).median);
  const rate = format(median([...engine.values()]));
  const row = `| orders per second | not measured | 1× (baseline) | **${ratio}×: ${rate}** |`;
  return readme.replace(README_ROW, row);
}
