// The comparison of histories with the database finds each kind of difference.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareEvents, compareOrders } from "./checks.js";
import { longestGap } from "./figures.js";
import { Kind } from "./requests.js";

const USER = { id: 7 };

// An order that was placed at the first attempt, with these differences.
const order = (changes = {}) => ({
  number: 1,
  user: USER,
  symbol: "BTC",
  side: "buy",
  price: 100,
  units: 1_000_001,
  key: "order-1",
  attempts: [{ kind: Kind.accepted }],
  outcome: Kind.accepted,
  orderId: 5,
  ...changes,
});

const row = (changes = {}) => ({
  id: "5",
  user_id: "7",
  symbol: "BTC",
  side: 1,
  price: "10000000000",
  amount: "1000001",
  client_order_id: null,
  status: 1,
  cancel_reason: null,
  ...changes,
});

const findings = (orders, rows, cancellations = []) =>
  compareOrders({ orders, cancellations }, rows).map((line) => line.split(":")[0]);

const attempts = (...kinds) => ({
  attempts: kinds.map((kind) => ({ kind })),
  outcome: kinds.at(-1),
  orderId: [Kind.accepted, Kind.replayed, Kind.taken].includes(kinds.at(-1)) ? 5 : undefined,
});

test("a history that agrees with the database has no differences", () => {
  assert.deepEqual(findings([order()], [row()]), []);
  assert.deepEqual(findings([order(attempts(Kind.unknown, Kind.replayed))], [row()]), []);
  for (const kind of [Kind.unknown, Kind.nothing, Kind.notSent, Kind.rejected]) {
    assert.deepEqual(findings([order(attempts(kind))], []), [], kind);
  }
  assert.deepEqual(findings([order(attempts(Kind.unknown))], [row()]), []);
});

test("each kind of difference is found", () => {
  assert.deepEqual(findings([order()], []), ["acknowledged and lost"]);
  assert.deepEqual(findings([order()], [row(), row({ id: "6" })]), ["executed twice"]);
  assert.deepEqual(findings([order()], [row({ side: 2 })]), ["acknowledged with other values"]);
  for (const kind of [Kind.nothing, Kind.notSent, Kind.rejected]) {
    assert.deepEqual(findings([order(attempts(kind))], [row()]), ["executed nevertheless"], kind);
  }
  for (const kind of [Kind.replayed, Kind.taken]) {
    assert.deepEqual(findings([order(attempts(Kind.nothing, kind))], [row()]), [
      "executed by an attempt that was refused",
    ]);
  }
  assert.deepEqual(findings([], [row()]), ["never asked for"]);
});

test("cancellations are compared as well", () => {
  const cancelled = row({ status: 3, cancel_reason: 1 });
  const found = (kinds, state) =>
    findings([order()], [state], [{ order: order(), ...attempts(...kinds) }]);
  assert.deepEqual(found([Kind.accepted], cancelled), []);
  assert.deepEqual(found([Kind.accepted], row()), ["cancellation lost"]);
  assert.deepEqual(found([Kind.nothing], row()), []);
  assert.deepEqual(found([Kind.nothing], cancelled), ["cancelled nevertheless"]);
  assert.deepEqual(found([Kind.unknown], cancelled), []);
});

const trade = (id, sequence) => [
  { channel: "market.BTC", name: "trade.executed", data: { sequence } },
  { channel: "private-user.1", name: "order.matched", data: { trade_id: id } },
  { channel: "private-user.2", name: "order.matched", data: { trade_id: id } },
];
const withIds = (id, events) =>
  events.map(({ data, ...event }) => ({
    ...event,
    data: { ...data, event_id: `${event.name}-${id}` },
  }));
const first = withIds(1, trade(1, 1));
const second = withIds(2, trade(2, 2));
const rows = {
  trades: [1, 2].map((id) => ({ id, symbol: "BTC", buyer_id: 1, seller_id: 2 })),
  counters: [
    { name: "trade.executed", delivered: "2", skipped: "0", dropped: "0" },
    { name: "order.matched", delivered: "4", skipped: "0", dropped: "0" },
  ],
};
const kinds = (events) => compareEvents(events, rows).findings.map((line) => line.split(":")[0]);

test("events that are missing or out of order are found, and repetitions are counted", () => {
  assert.deepEqual(compareEvents([...first, ...second], rows), {
    findings: [],
    duplicates: 0,
    distinct: 6,
  });
  const repeated = [...first, ...second, ...first];
  assert.deepEqual(compareEvents(repeated, rows), { findings: [], duplicates: 3, distinct: 6 });
  assert.deepEqual(kinds([...second, ...first]), ["out of order"]);
  assert.deepEqual(kinds(first), ["not heard", "missing"]);
  assert.deepEqual(kinds([...first, ...second.slice(1)]), ["not heard", "missing"]);
});

test("the longest gap is between two accepted orders, or lasts until the end", () => {
  assert.deepEqual(longestGap([90, 150, 160], 100, 200), { from: 90, to: 150, length: 60 });
  assert.deepEqual(longestGap([90, 110], 100, 200), { from: 110, to: 200, length: 90 });
});
