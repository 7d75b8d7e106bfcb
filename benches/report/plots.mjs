// The plots of docs/BENCHMARKS.md.
import { lineChart } from "./plot.mjs";
import { summary } from "./statistics.mjs";

const CLIENTS = [1, 16, 64, 256];

/** File name and SVG of each plot whose measurements are complete. */
export function plots(measurements) {
  return [concurrency(measurements), distance(measurements)].filter((plot) => plot !== null);
}

function concurrency(measurements) {
  const series = [
    ["engine, PostgreSQL", "engine.engine", { database: "postgres" }],
    ["engine, SQLite", "engine.engine", { database: "sqlite" }],
    ["function per order", "engine.baseline_function", {}],
    ["statements per order", "engine.baseline_statements", {}],
  ].map(([name, from, parameters]) => ({
    name,
    points: points(measurements, from, parameters, "clients", (clients) =>
      CLIENTS.indexOf(clients),
    ),
  }));
  if (series.some(({ points: found }) => found.length === 0)) return null;
  const title = "Orders per second against concurrent clients";
  const x = { label: "clients, each waiting for its order", categories: CLIENTS.map(String) };
  return ["benchmark-concurrency.svg", lineChart({ title, x, y: { label: "orders/s" }, series })];
}

function distance(measurements) {
  // The position is the round trip that was measured, not the one that was intended.
  const roundTrips = measurements.all("distance.round_trip_ms");
  const found = points(measurements, "distance.http", { connections: 256 }, "distance_ms", (ms) => {
    const series = roundTrips.find(({ parameters }) => parameters.distance_ms === ms);
    return series && summary([...series.values.values()]).median;
  });
  if (found.length < 2 || found.some(([x]) => x === undefined)) return null;
  const title = "Orders per second against the distance of the database";
  const last = Math.ceil(found.at(-1)[0]);
  const ticks = Array.from({ length: last + 1 }, (_, index) => index);
  const x = { label: "round trip to PostgreSQL, ms", ticks };
  const series = [{ name: "HTTP, 256 clients", points: found }];
  return ["benchmark-distance.svg", lineChart({ title, x, y: { label: "orders/s" }, series })];
}

function points(measurements, name, wanted, parameter, position) {
  return measurements
    .all(name, wanted)
    .map(({ parameters, values }) => [
      position(parameters[parameter]),
      summary([...values.values()]),
    ])
    .sort(([a], [b]) => a - b);
}
