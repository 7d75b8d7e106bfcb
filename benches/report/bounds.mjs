// What bounds the figures that miss their aims, computed from other measurements.
import { NOT_COMPUTED, costs, engineStep } from "./sizing.mjs";
import { format } from "./statistics.mjs";

const CONNECTIONS = 256;
const ROUND_TRIPS = 4;
const FAR_MS = 2.3;

/** What the steps of a batch that store something would allow, against the ceiling. */
export function renderWriting(measurements) {
  const ceiling = measurements.median("engine.ceiling", { foreign_keys: "kept" });
  const steps = ["write", "commit"].map((step) => engineStep(measurements, step));
  if (ceiling === null || steps.includes(null)) return NOT_COMPUTED;
  const rate = 1e6 / (steps[0] + steps[1]);
  return (
    `*Write* and *commit* alone would allow ${format(Math.round(rate))} orders/s, ` +
    `${format(rate / ceiling)} of the ceiling.`
  );
}

/** The processors of the machine, as a bound of orders over HTTP. */
export function renderProcessors(measurements) {
  const cores = measurements.environments.get("http")?.cores;
  const found = costs(measurements);
  const parameters = { database: "sqlite", events: "null", keys: "without" };
  const sqlite = measurements.median("http.http_cpu_us", parameters);
  if (!cores || !found || sqlite === null) return NOT_COMPUTED;
  const { process, database } = found;
  const most = (us) => format(Math.round((cores * 1e6) / us));
  return (
    `An order and its request take ${format(process)} µs of the processors in matchcast and ` +
    `${format(database)} µs in PostgreSQL; with SQLite, which is a part of the process, ` +
    `${format(sqlite)} µs. So with all ${cores} cores busy and without a load generator the most ` +
    `are ${most(process + database)} orders/s with PostgreSQL and ${most(sqlite)} with SQLite.`
  );
}

/** The round trips of batches, as a bound of orders with a distant database. */
export function renderRoundTrips(measurements) {
  const found = costs(measurements);
  const parameters = { connections: CONNECTIONS, distance_ms: FAR_MS };
  const roundTrip = measurements.median("distance.round_trip_ms", parameters);
  if (!found || roundTrip === null) return NOT_COMPUTED;
  const near = (CONNECTIONS * found.market) / 1000;
  const trips = ROUND_TRIPS * roundTrip;
  return (
    `A batch of ${CONNECTIONS} orders occupies its market for ${format(near)} ms near the ` +
    `database, and for ${format(trips)} ms more at this distance. So with ${CONNECTIONS} ` +
    `connections at most ${format(Math.round((1000 * CONNECTIONS) / (near + trips)))} orders/s ` +
    "are possible."
  );
}

/** The bytes of answers that are not compressed. */
export function renderUncompressed(measurements) {
  const parameters = { path: "/api/orders?symbol=BTC", encoding: "none", conditional: false };
  const reads = measurements.median("reads.reads", parameters);
  const bytes = measurements.median("reads.read_bytes", parameters);
  if (reads === null || bytes === null) return NOT_COMPUTED;
  return (
    `Answers that are not compressed are ${format((reads * bytes) / 1e9)} GB/s, which the kernel ` +
    "copies from one process to the other. Browsers ask for compressed ones."
  );
}
