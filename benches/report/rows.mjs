// The rows of docs/BENCHMARKS.md: what is compared with what, and the aims.

/** A selector of the series `part.name` with these parameters. */
const series = (name, parameters) => (measurements) => measurements.find(name, parameters);

/** A selector of `change(value, …)` over series that were measured in the same repetitions. */
const computed =
  (change, ...selectors) =>
  (measurements) => {
    const [first, ...others] = selectors.map((selector) => selector(measurements));
    if (!first || others.some((other) => !other)) return null;
    const values = [...first].map(([repetition, value]) => [
      repetition,
      change(value, ...others.map((other) => other.get(repetition))),
    ]);
    return new Map(values);
  };

const ORDERS = "orders/s";
const READS = "reads/s";

const engine = (database, clients) => series("engine.engine", { database, clients });
const BASELINE_CLIENTS = [1, 16, 64];
const ofBaseline = (kind, clients) => series(`engine.baseline_${kind}`, { clients });

/** The best figure of a baseline, with whatever number of clients. */
export const bestBaseline = (kind) =>
  computed(Math.max, ...BASELINE_CLIENTS.map((clients) => ofBaseline(kind, clients)));

const baseline = (kind, clients) => {
  const name = kind === "function" ? "a stored function per order" : "one transaction per order";
  // pgbench was not run with 256 clients, which a server does not accept by default.
  return BASELINE_CLIENTS.includes(clients)
    ? { name, value: ofBaseline(kind, clients) }
    : { name: `${name}, best`, value: bestBaseline(kind) };
};
const ceiling = (part) => ({
  name: "the ceiling",
  value: series(`${part}.ceiling`, { foreign_keys: "kept" }),
});

const engineRows = [1, 16, 64, 256].flatMap((clients) =>
  ["statements", "function"].map((kind) => ({
    what: `engine, PostgreSQL, ${clients} ${clients === 1 ? "client" : "clients"}`,
    value: engine("postgres", clients),
    unit: ORDERS,
    peer: baseline(kind, clients),
  })),
);

const ceilingRows = [
  {
    what: "engine, PostgreSQL, 256 clients",
    value: engine("postgres", 256),
    unit: ORDERS,
    peer: ceiling("engine"),
    aim: { atLeast: 0.8 },
  },
  ...[
    ["kept", "the ceiling, as the schema is"],
    ["dropped", "the ceiling, without foreign keys"],
  ].map(([keys, what]) => ({
    what,
    value: series("engine.ceiling", { foreign_keys: keys }),
    unit: ORDERS,
  })),
  ...[1, 16, 64, 256].map((clients) => ({
    what: `engine, SQLite, ${clients} ${clients === 1 ? "client" : "clients"}`,
    value: engine("sqlite", clients),
    unit: ORDERS,
  })),
];

const http = (database, events, keys = "without") =>
  series("http.http", { database, events, keys });
const httpEngine = (database) => ({
  name: "its engine",
  value: series("http.engine", { database }),
});

const httpRows = ["postgres", "sqlite"].flatMap((database) => {
  const name = database === "postgres" ? "PostgreSQL" : "SQLite";
  const nobody = { name: "events for nobody", value: http(database, "null") };
  const against =
    database === "postgres"
      ? { peer: ceiling("http"), aim: { atLeast: 0.65 } }
      : { peer: httpEngine(database), aim: { atLeast: 0.9 } };
  return [
    {
      what: `HTTP, ${name}, events for nobody`,
      value: http(database, "null"),
      unit: ORDERS,
      ...against,
    },
    ...(database === "postgres"
      ? [
          {
            what: `HTTP, ${name}, events for nobody`,
            value: http(database, "null"),
            unit: ORDERS,
            peer: httpEngine(database),
          },
        ]
      : []),
    {
      what: `HTTP, ${name}, embedded provider`,
      value: http(database, "embedded"),
      unit: ORDERS,
      peer: nobody,
      aim: { atLeast: 0.9 },
    },
    {
      what: `HTTP, ${name}, an idempotency key and a client order id each`,
      value: http(database, "null", "with"),
      unit: ORDERS,
      peer: nobody,
    },
  ];
});

const FAR = 2.3;
const far = (connections, distance = FAR) =>
  series("distance.http", { connections, distance_ms: distance });
const roundTrip = series("distance.round_trip_ms", { distance_ms: FAR });

const distanceRows = [
  { what: "round trip to the distant database", value: roundTrip, unit: "ms" },
  ...[1, 64, 256, 1000].map((connections) => ({
    what: `HTTP, ${connections} ${connections === 1 ? "connection" : "connections"}, distant`,
    value: far(connections),
    unit: ORDERS,
    peer: { name: "the same, near", value: far(connections, 0) },
    ...(connections === 256 ? { aim: { atLeast: 0.6 } } : {}),
  })),
  {
    what: "HTTP, 1 connection, distant: time of an order",
    value: computed((rate) => 1000 / rate, far(1)),
    unit: "ms",
    peer: { name: "a round trip", value: roundTrip },
    aim: { atMost: 5 },
  },
  {
    what: "`GET /api/profile`, 64 connections, distant",
    value: series("distance.reads", { distance_ms: FAR }),
    unit: READS,
    peer: { name: "the same, near", value: series("distance.reads", { distance_ms: 0 }) },
  },
];

const read = (name, parameters, aim) => ({
  what: name,
  value: series("reads.reads", parameters),
  unit: READS,
  ...(aim ? { aim: { atLeast: aim } } : {}),
});
const book = { path: "/api/orders?symbol=BTC" };

const readRows = [
  ...[
    ["none", "not compressed"],
    ["zstd", "zstd"],
    ["br", "br"],
    ["gzip", "gzip"],
  ].map(([encoding, text]) =>
    read(`\`GET /api/orders\`, ${text}`, { ...book, encoding, conditional: false }, 20000),
  ),
  read("`GET /api/orders`, 304", { ...book, conditional: true }, 40000),
  ...[
    ["/api/profile", "`GET /api/profile`, 304"],
    ["/api/my-orders", "`GET /api/my-orders`, 304"],
    ["/api/balance-history?currency=USD", "`GET /api/balance-history`, 304"],
    ["/api/trades?symbol=BTC", "`GET /api/trades`, 304"],
    ["/api/orderbook/BTC", "`GET /api/orderbook/BTC`, 304"],
  ].map(([path, text]) => read(text, { path, conditional: true }, 20000)),
  {
    what: "`POST /api/broadcasting/auth`",
    value: series("reads.authorizations", {}),
    unit: "requests/s",
  },
];

const storm = (name, parameters = {}) => series(`storm.${name}`, parameters);
const stormRows = [
  { what: "trades", value: storm("trades_per_second"), unit: "trades/s" },
  { what: "reads of the pages", value: storm("reads_per_second"), unit: READS },
  {
    what: "order, 99th percentile",
    value: storm("order_ms", { percentile: 99 }),
    unit: "ms",
    aim: { atMost: 50 },
  },
  {
    what: "read, 99th percentile",
    value: storm("read_ms", { percentile: 99 }),
    unit: "ms",
  },
  {
    what: "read, slowest",
    value: storm("read_ms", { percentile: 100 }),
    unit: "ms",
    aim: { atMost: 1000 },
  },
  {
    what: "memory at the end",
    value: storm("memory_mb", { at: "end" }),
    unit: "MB",
    peer: { name: "halfway", value: storm("memory_mb", { at: "half" }) },
    aim: { atMost: 1.1 },
  },
];

const growthReads = [
  "/api/orders?symbol=BTC",
  "/api/profile",
  "/api/my-orders?limit=20",
  "/api/balance-history?currency=USD&limit=20",
  "/api/trades?symbol=BTC&limit=20",
];
const growthRows = [
  {
    what: "HTTP, 256 connections, large database",
    value: series("growth.http", { size: "large" }),
    unit: ORDERS,
    peer: { name: "small database", value: series("growth.http", { size: "small" }) },
    aim: { atLeast: 0.9 },
  },
  ...growthReads.map((path) => {
    const time = (size) => series("growth.read_ms", { size, path });
    return {
      what: `\`GET ${path}\`, large database: time of a read`,
      value: time("large"),
      unit: "ms",
      peer: { name: "small database", value: time("small") },
      aim: { atMost: 1.3 },
    };
  }),
];

const eventRows = ["postgres", "sqlite"].flatMap((database) => {
  const name = database === "postgres" ? "PostgreSQL" : "SQLite";
  return ["10", "100"].map((max) => ({
    what: `\`trade.executed\` of one market, at most ${max} events in a request, ${name}`,
    value: series("channel.events_per_second", { database, max_events: max }),
    unit: "events/s",
    aim: { atLeast: 1000 },
  }));
});

const events = (name, parameters) => series(`embedded.${name}`, parameters);
const embeddedRows = ["postgres", "sqlite"].flatMap((database) => {
  const name = database === "postgres" ? "PostgreSQL" : "SQLite";
  const latency = (load) =>
    events("latency_ms", { database, load, from: "order", percentile: 99 });
  return [
    {
      what: `matchcast at full load, ${name}`,
      value: events("events_per_second", { database, sender: "matchcast" }),
      unit: "events/s",
      peer: {
        name: "SDK, one call at a time",
        value: events("events_per_second", { database, sender: "sdk" }),
      },
    },
    ...["100/s", "1000/s", "full"].map((load) => ({
      what: `from an order to its event, 99th percentile, ${name}, load ${load}`,
      value: latency(load),
      unit: "ms",
    })),
  ];
});

/** The senders to the provider that takes 50 ms, in the order of measurement. */
export function providerRows(measurements) {
  const all = measurements.all("provider.events_per_second");
  return all.map(({ parameters: { sender } }) => ({
    what: sender,
    value: series("provider.events_per_second", { sender }),
    unit: "events/s",
    peer: {
      name: "sdk: trigger, awaited",
      value: series("provider.events_per_second", { sender: "sdk: trigger, awaited" }),
    },
  }));
}

const processes = (count, markets, lanes) =>
  series("processes.http", { processes: count, markets, lanes });
const busy = (count, markets, lanes) =>
  series("processes.busy_percent", { processes: count, markets, lanes });
const heard = (through, percentile) =>
  series("heard.latency_ms", { through, percentile, from: "response" });
const processesRows = [
  {
    what: "two processes, one market",
    value: processes(2, 1, "1"),
    unit: ORDERS,
    peer: { name: "one process", value: processes(1, 1, "1") },
    aim: { atLeast: 1 },
  },
  {
    what: "one process, two markets on two lanes",
    value: processes(1, 2, "2"),
    unit: ORDERS,
    peer: { name: "two markets on one lane", value: processes(1, 2, "1") },
    aim: { atLeast: 1.15 },
  },
  {
    what: "two processes, two markets on two lanes",
    value: processes(2, 2, "2"),
    unit: ORDERS,
    peer: { name: "one process, two markets on two lanes", value: processes(1, 2, "2") },
    aim: { atLeast: 1 },
  },
  ...[
    ["one process, one market", busy(1, 1, "1")],
    ["two processes, one market", busy(2, 1, "1")],
    ["one process, two markets on two lanes", busy(1, 2, "2")],
  ].map(([what, value]) => ({
    what: `${what}: busy time of the processors`,
    value,
    unit: "%",
  })),
];
const heardRows = [1, 2].flatMap((through) =>
  [50, 99].map((percentile) => ({
    what: `trades through process ${through}: from the response to the event, ${percentile} %`,
    value: heard(through, percentile),
    unit: "ms",
    ...(percentile === 50 ? { aim: { atMost: 5 } } : {}),
  })),
);

const processRows = ["postgres", "sqlite"]
  .flatMap((database) => {
    const name = database === "postgres" ? "PostgreSQL" : "SQLite";
    return [
      {
        what: `idle memory, ${name}`,
        value: series("process.idle_memory_mb", { database }),
        unit: "MB",
        aim: { atMost: 25 },
      },
      {
        what: `time from the start until \`/ready\`, ${name}`,
        value: series("process.start_s", { database }),
        unit: "s",
        aim: { atMost: 0.1 },
      },
    ];
  })
  .concat([
    {
      what: "binary without symbols",
      value: series("process.binary_mb", {}),
      unit: "MB",
      aim: { atMost: 25 },
    },
  ]);

const matcher = (name) => series("matcher.orders_per_second", { matcher: name });
const matcherRows = [
  ...["orderbook-rs", "lobster"].map((name) => ({
    what: "matchcast's book and matching alone",
    value: matcher("matchcast, matching alone"),
    unit: ORDERS,
    peer: { name: `\`${name}\``, value: matcher(name) },
    aim: { atLeast: 1 },
  })),
  {
    what: "matchcast's book and matching alone; `matchcore` trades more than there is",
    value: matcher("matchcast, matching alone"),
    unit: ORDERS,
    peer: { name: "`matchcore`", value: matcher("matchcore") },
  },
  {
    what: "matchcast with accounts, reservations and a ledger",
    value: matcher("matchcast"),
    unit: ORDERS,
    peer: { name: "matching alone", value: matcher("matchcast, matching alone") },
  },
];

/** The tables by the placeholder that stands for them in the template. */
export const TABLES = {
  engine: [...engineRows, ...ceilingRows],
  http: httpRows,
  distance: distanceRows,
  processes: processesRows,
  heard: heardRows,
  reads: readRows,
  storm: stormRows,
  growth: growthRows,
  events: eventRows,
  embedded: embeddedRows,
  process: processRows,
  matcher: matcherRows,
};
