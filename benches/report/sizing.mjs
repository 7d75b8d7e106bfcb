// A model of what a machine with other cores could do, from the costs that were measured here.
import { format } from "./statistics.mjs";

const CORES = [2, 8, 32];
/** The steps of a batch in which a connection of PostgreSQL is busy, or waits for its disk. */
const DATABASE_STEPS = ["lock", "load", "write", "commit"];
const PAGES = 1000;

export const NOT_COMPUTED = "Not computed: a part of it was not measured.";

/** Microseconds of a step of the batches on PostgreSQL, per order. `null`: not measured. */
export const engineStep = (measurements, step, clients = 256) =>
  measurements.median("engine.engine_step_us", { database: "postgres", clients, step });

/** The costs of an order, an event and a page. `null` if a part of them was not measured. */
export function costs(measurements) {
  const step = (name) => engineStep(measurements, name);
  const http = (events) =>
    measurements.median("http.http_cpu_us", { database: "postgres", events, keys: "without" });
  const memory = (at) => measurements.median("storm.memory_mb", { at });
  const measured = {
    decide: step("decide"),
    database: DATABASE_STEPS.map(step),
    process: http("null"),
    withEvents: http("embedded"),
    idle: memory("idle"),
    full: memory("end"),
  };
  if (Object.values(measured).flat().includes(null)) return null;
  const database = measured.database.reduce((sum, part) => sum + part);
  return {
    /** Microseconds of the database, for an order among many. */
    database,
    /** Microseconds in which an order occupies its market. */
    market: database + measured.decide,
    /** Microseconds of the processors that matchcast takes for an order and its request. */
    process: measured.process,
    /** The same for an event that the embedded provider delivers. */
    event: measured.withEvents - measured.process,
    /** Memory for a connected page, in kB. */
    page: ((measured.full - measured.idle) / PAGES) * 1000,
  };
}

/** What a machine with so many cores does at most, in orders per second. */
export function capacity({ database, market, process }, cores) {
  const all = (cores * 1e6) / (database + process);
  const one = Math.min(1e6 / market, all);
  return { one, all, markets: Math.ceil(all / one) };
}

/** The section as Markdown. */
export function renderSizing(measurements) {
  const found = costs(measurements);
  if (!found) return NOT_COMPUTED;
  const us = (value) => `${format(value)} µs`;
  const rows = CORES.map((cores) => {
    const { one, all, markets } = capacity(found, cores);
    const text = `${format(Math.round(one))} | ${format(Math.round(all))} | ${markets}`;
    return `| ${cores} | ${text} |`;
  });
  return [
    "| cost | of |",
    "| --- | --- |",
    `| an order, in its market | ${us(found.market)} |`,
    `| an order, in PostgreSQL | ${us(found.database)} |`,
    `| an order and its request, in matchcast | ${us(found.process)} |`,
    `| its event, in matchcast with the embedded provider | ${us(found.event)} |`,
    `| a page that is connected to the embedded provider | ${format(found.page)} kB |`,
    "",
    "| cores (computed) | orders/s of one market | orders/s of all | markets that it takes |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}
