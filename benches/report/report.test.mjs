// Tests of the report: `node --test benches/report`.
import assert from "node:assert/strict";
import test from "node:test";
import {
  renderProcessors,
  renderRoundTrips,
  renderUncompressed,
  renderWriting,
} from "./bounds.mjs";
import { samples } from "./criterion.mjs";
import { missing, renderDocument, updateReadme } from "./document.mjs";
import { Measurements } from "./measurements.mjs";
import { lineChart, niceStep } from "./plot.mjs";
import { plots } from "./plots.mjs";
import { TABLES } from "./rows.mjs";
import { capacity, costs, renderSizing } from "./sizing.mjs";
import { format, formatSummary, median, pairedRatios, summary } from "./statistics.mjs";
import { evaluate, renderTable } from "./table.mjs";

const line = (name, parameters, repetition, value) => ({ name, parameters, repetition, value });

/** Measurements of one part, with `values` for each name and parameters. */
function measured(part, ...series) {
  const lines = series.flatMap(([name, parameters, values]) =>
    values.map((value, index) => line(name, parameters, index + 1, value)),
  );
  return new Measurements([[part, lines]]);
}

test("the median of an even number of values is between the middle ones", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.throws(() => median([]), /no values/);
});

test("figures have at least three significant digits and grouped thousands", () => {
  const cases = [
    [1234567.4, "1,234,567"],
    [999.6, "1,000"],
    [100, "100"],
    [12.34, "12.3"],
    [0.654, "0.65"],
    [0.0123, "0.012"],
    [0, "0.00"],
    [-1500, "-1,500"],
  ];
  for (const [value, text] of cases) assert.equal(format(value), text);
});

test("a figure that was measured once has no spread", () => {
  assert.equal(formatSummary(summary([5])), "5.00");
  assert.equal(formatSummary(summary([300, 100, 200])), "200 (100–300)");
});

test("a ratio compares values of the same repetition", () => {
  const series = new Map([
    [1, 10],
    [2, 30],
  ]);
  const peer = new Map([
    [2, 10],
    [1, 20],
  ]);
  assert.deepEqual(pairedRatios(series, peer), [0.5, 3]);
  assert.throws(() => pairedRatios(series, new Map([[1, 1]])), /no repetition 2/);
});

test("a series is found by some of its parameters, and never by chance", () => {
  const measurements = measured(
    "part",
    ["rate", { clients: 1, database: "a" }, [1, 2]],
    ["rate", { clients: 2, database: "a" }, [3]],
  );
  assert.deepEqual([...measurements.find("part.rate", { clients: 1 })], [
    [1, 1],
    [2, 2],
  ]);
  assert.equal(measurements.find("part.rate", { clients: 9 }), null);
  assert.equal(measurements.find("part.other"), null);
  assert.throws(() => measurements.find("part.rate", { database: "a" }), /ambiguous/);
  assert.throws(() => measured("part", ["rate", {}, [NaN]]), /not a number/);
});

const row = {
  what: "engine",
  value: (m) => m.find("p.engine"),
  unit: "orders/s",
  peer: { name: "ceiling", value: (m) => m.find("p.ceiling") },
  aim: { atLeast: 0.8 },
};

test("a row says whether its aim is met", () => {
  const render = (engine) =>
    renderTable([row], measured("p", ["engine", {}, [engine]], ["ceiling", {}, [1000]]));
  const expected = "| engine | 900 orders/s | ceiling | 0.90 | ≥ 0.8 | yes | 1 |";
  assert.ok(render(900).endsWith(expected), render(900));
  assert.match(render(700), /\| 0.70 \| ≥ 0.8 \| \*\*no\*\* \| 1 \|/);
});

test("an aim without a peer is one of the figure", () => {
  const time = { ...row, peer: undefined, unit: "ms", aim: { atMost: 50 } };
  const render = (ms) => renderTable([time], measured("p", ["engine", {}, [ms]]));
  assert.match(render(49), /\| 49.0 ms \|  \|  \| ≤ 50.0 ms \| yes \|/);
  assert.match(render(51), /\*\*no\*\*/);
});

test("a row without measurements says so", () => {
  const measurements = measured("p", ["engine", {}, [900]]);
  assert.equal(evaluate(row, measurements).state, "missing");
  assert.match(renderTable([row], measurements), /\| engine \| not measured \| ceiling \|/);
});

test("the template knows every table, and no other placeholder", () => {
  const measurements = new Measurements([]);
  const names = Object.keys(TABLES).map((name) => `{{table.${name}}}`);
  assert.match(renderDocument(names.join("\n\n"), measurements), /not measured/);
  assert.throws(() => renderDocument("{{unknown}}", measurements), /unknown placeholder/);
  assert.equal(missing(measurements).length, Object.values(TABLES).flat().length);
});

test("the README gets the ratio and the rate of the same run", () => {
  const readme = "a\n| orders per second | x | y | z |\nb\n";
  const measurements = measured(
    "engine",
    ["engine", { database: "postgres", clients: 256 }, [20000, 21000, 22000]],
    ["baseline_statements", { clients: 1 }, [100, 100, 100]],
    ["baseline_statements", { clients: 16 }, [1000, 1000, 1000]],
    ["baseline_statements", { clients: 64 }, [900, 900, 900]],
  );
  const expected = "| orders per second | not measured | 1× (baseline) | **21.0×: 21,000** |";
  assert.equal(updateReadme(readme, measurements), `a\n${expected}\nb\n`);
  assert.equal(updateReadme(readme, new Measurements([])), readme);
  assert.throws(() => updateReadme("nothing", measurements), /no row/);
});

test("the steps of an axis are round numbers", () => {
  for (const [least, step] of [
    [1, 1],
    [1.1, 2],
    [2.1, 2.5],
    [4200, 5000],
    [7000, 10000],
  ]) {
    assert.equal(niceStep(least), step);
  }
});

test("a chart has its title, its axes, its points and its legend", () => {
  const at = (value) => ({ median: value, min: value - 1, max: value + 1 });
  const svg = lineChart({
    title: "A < B",
    x: { label: "clients", categories: ["1", "16"] },
    y: { label: "orders/s" },
    series: [
      { name: "first", points: [[0, at(10)], [1, at(20)]] },
      { name: "second", points: [[0, at(5)]] },
    ],
  });
  for (const text of ["A &lt; B", ">clients<", ">orders/s<", ">16<", ">first<", ">second<"]) {
    assert.ok(svg.includes(text), text);
  }
  assert.equal(svg.match(/<circle/g).length, 3 + 2);
  assert.equal(svg.match(/<polyline/g).length, 2);
  assert.match(svg, /prefers-color-scheme:dark/);
});

test("plots need all of their measurements", () => {
  assert.deepEqual(plots(new Measurements([])), []);
  const distances = [0, 2.3].flatMap((ms) => [
    ["http", { connections: 256, distance_ms: ms }, [1000 - 100 * ms]],
    ["round_trip_ms", { connections: 256, distance_ms: ms }, [ms + 0.1]],
  ]);
  const [[name, svg]] = plots(measured("distance", ...distances));
  assert.equal(name, "benchmark-distance.svg");
  assert.match(svg, />3</);
});

test("samples of Criterion become orders per second", () => {
  const benchmark = { function_id: "lobster", throughput: { Elements: 100 } };
  const lines = samples(benchmark, { iters: [2, 4], times: [1e9, 1e9] });
  assert.deepEqual(
    lines.map(({ value }) => value),
    [200, 400],
  );
  assert.equal(lines[0].parameters.matcher, "lobster");
});

test("the capacity of a machine follows from the costs", () => {
  const cost = { database: 50, market: 52, process: 30 };
  assert.deepEqual(capacity(cost, 1), { one: 12500, all: 12500, markets: 1 });
  const { one, all, markets } = capacity(cost, 8);
  assert.equal(Math.round(one), 19231);
  assert.deepEqual([all, markets], [100000, 6]);
});

/** Measurements of the costs: 15 µs in the market, 12 in PostgreSQL, 30 in matchcast. */
function measuredCosts(...more) {
  const ofEngine = ["lock", "load", "decide", "write", "commit"].map((step, at) =>
    line("engine_step_us", { database: "postgres", clients: 256, step }, 1, at + 1),
  );
  const ofHttp = ["null", "embedded"].map((events, at) =>
    line("http_cpu_us", { database: "postgres", events, keys: "without" }, 1, 30 + 12 * at),
  );
  ofHttp.push(line("http_cpu_us", { database: "sqlite", events: "null", keys: "without" }, 1, 50));
  ofHttp.push({ environment: { cores: 2 } });
  const memory = (at, value) => line("memory_mb", { at }, 1, value);
  const ofStorm = [memory("idle", 30), memory("end", 80)];
  return new Measurements([
    ["engine", ofEngine],
    ["http", ofHttp],
    ["storm", ofStorm],
    ...more,
  ]);
}

test("costs are computed only if all of their parts were measured", () => {
  const all = measuredCosts();
  assert.deepEqual(costs(all), { database: 12, market: 15, process: 30, event: 12, page: 50 });
  assert.match(renderSizing(all), /\| 32 \| 66,667 \|/);
  const part = measured("storm", ["memory_mb", { at: "idle" }, [30]]);
  assert.equal(costs(part), null);
  assert.match(renderSizing(part), /Not computed/);
});

test("bounds are computed from other measurements", () => {
  const far = { connections: 256, distance_ms: 2.3 };
  const all = measuredCosts(["distance", [line("round_trip_ms", far, 1, 2.4)]]);
  assert.match(renderProcessors(all), /47,619 orders\/s with PostgreSQL and 40,000 with SQLite/);
  // 3.84 ms and 9.6 ms more.
  assert.match(renderRoundTrips(all), /at most 19,048 orders\/s are possible/);
  const book = { path: "/api/orders?symbol=BTC", encoding: "none", conditional: false };
  const reads = measured("reads", ["reads", book, [5000]], ["read_bytes", book, [1e6]]);
  assert.match(renderUncompressed(reads), /are 5\.00 GB\/s/);
  const engine = { database: "postgres", clients: 256 };
  const writing = measured(
    "engine",
    ["engine_step_us", { ...engine, step: "write" }, [30]],
    ["engine_step_us", { ...engine, step: "commit" }, [10]],
    ["ceiling", { foreign_keys: "kept" }, [50000]],
  );
  assert.match(renderWriting(writing), /25,000 orders\/s, 0\.50 of the ceiling/);
  for (const render of [renderProcessors, renderRoundTrips, renderUncompressed, renderWriting]) {
    assert.match(render(new Measurements([])), /Not computed/);
  }
});
