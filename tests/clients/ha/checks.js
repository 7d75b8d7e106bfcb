// Compares the history of the clients and of the provider with the database.
import { Kind } from "./requests.js";

const STATUS = { open: 1, cancelled: 3 };
const REASON_USER = 1;
const SIDES = { buy: 1, sell: 2 };
const SHOWN = 5;

// Collects differences by their kind, of which the first ones are shown.
class Findings {
  #texts = new Map();

  add(kind, text) {
    this.#texts.set(kind, [...(this.#texts.get(kind) ?? []), text]);
  }

  get lines() {
    return [...this.#texts].map(([kind, texts]) => {
      const more = texts.length > SHOWN ? `, and ${texts.length - SHOWN} more` : "";
      return `${kind}: ${texts.slice(0, SHOWN).join("; ")}${more}`;
    });
  }
}

const describe = ({ number, key, clientOrderId, attempts }) =>
  `order ${number} (${[key && "key", clientOrderId && "name"].filter(Boolean).join(", ")}; ` +
  `${attempts.map(({ kind, code }) => (code ? `${kind}: ${code}` : kind)).join(", ")})`;

const saidNothing = (kind) => [Kind.nothing, Kind.notSent, Kind.rejected].includes(kind);

// Differences between the answers to orders and cancellations and the rows, as sentences.
export function compareOrders({ orders, cancellations }, rows) {
  const findings = new Findings();
  const byUnits = new Map();
  for (const row of rows) {
    const units = Number(row.amount);
    byUnits.set(units, [...(byUnits.get(units) ?? []), row]);
  }
  for (const order of orders) {
    const found = byUnits.get(order.units) ?? [];
    byUnits.delete(order.units);
    if (found.length > 1) findings.add("executed twice", describe(order));
    const [row] = found;
    if (order.orderId && !row) findings.add("acknowledged and lost", describe(order));
    if (order.orderId && row && !isSame(order, row)) {
      findings.add("acknowledged with other values", describe(order));
    }
    if (row && saidNothing(order.outcome)) findings.add("executed nevertheless", describe(order));
    // A response that is repeated, or a name that is taken, belongs to an earlier attempt.
    const { kind } = order.attempts.at(-1);
    const earlier = order.attempts.slice(0, -1);
    const isRepetition = kind === Kind.replayed || kind === Kind.taken;
    if (isRepetition && earlier.every((attempt) => saidNothing(attempt.kind))) {
      findings.add("executed by an attempt that was refused", describe(order));
    }
  }
  for (const [units] of byUnits) findings.add("never asked for", `an amount of ${units} units`);

  const byId = new Map(rows.map((row) => [Number(row.id), row]));
  for (const { order, attempts, outcome } of cancellations) {
    const row = byId.get(order.orderId);
    const isCancelled = row?.status === STATUS.cancelled && row.cancel_reason === REASON_USER;
    const text = `${describe(order)}, cancelled: ${attempts.map((a) => a.code ?? a.kind)}`;
    const succeeded = [Kind.accepted, Kind.replayed].includes(outcome);
    if (succeeded && !isCancelled) findings.add("cancellation lost", text);
    if (isCancelled && saidNothing(outcome)) findings.add("cancelled nevertheless", text);
  }
  return findings.lines;
}

const isSame = (order, row) =>
  Number(row.id) === order.orderId &&
  Number(row.user_id) === order.user.id &&
  row.symbol === order.symbol &&
  row.side === SIDES[order.side] &&
  Number(row.price) === order.price * 1e8 &&
  (row.client_order_id ?? undefined) === order.clientOrderId;

export const ORDERS = `SELECT o.*, m.symbol FROM orders o JOIN markets m ON m.id = o.market_id`;

// A number that grows with the order of events, for those of one series on a channel.
const SERIES = {
  "trade.executed": (data) => ["", data.sequence],
  "book.updated": (data) => ["", data.sequence],
  "order.matched": (data) => ["", data.trade_id],
  "balance.updated": (data) => [data.currency, Number(data.event_id.split("-").at(-1))],
  "order.updated": (data) => [
    data.order_id,
    // Nothing comes after the end of an order.
    (data.status === STATUS.open ? 0 : 1e15) + Number(data.filled_amount) * 1e8,
  ],
};
const MAY_REPEAT = ["balance.updated", "order.updated"];

// Differences between the events that the provider has accepted and the database, as sentences,
// and the number of events that were sent more than once.
export function compareEvents(events, { counters, trades }) {
  const findings = new Findings();
  const seen = new Map();
  const last = new Map();
  let duplicates = 0;
  for (const { channel, name, data } of events) {
    const id = `${channel} ${data.event_id}`;
    if (seen.has(id)) {
      duplicates++;
      continue;
    }
    seen.set(id, name);
    const [series, position] = SERIES[name](data);
    const key = `${channel} ${name} ${series}`;
    const previous = last.get(key) ?? -1;
    const isInOrder = position > previous || (MAY_REPEAT.includes(name) && position === previous);
    if (!isInOrder) findings.add("out of order", `${id} (${position} after ${previous})`);
    last.set(key, position);
  }
  for (const { name, delivered, skipped, dropped } of counters) {
    const heard = [...seen.values()].filter((each) => each === name).length;
    if (heard !== Number(delivered)) {
      findings.add("not heard", `${name}: ${delivered} delivered, ${heard} heard`);
    }
    if (Number(skipped) + Number(dropped) > 0) findings.add("skipped or dropped", name);
  }
  for (const { id, symbol, buyer_id, seller_id } of trades) {
    const expected = [
      `market.${symbol} trade.executed-${id}`,
      `private-user.${buyer_id} order.matched-${id}`,
      `private-user.${seller_id} order.matched-${id}`,
    ];
    for (const event of expected) if (!seen.has(event)) findings.add("missing", event);
  }
  return { findings: findings.lines, duplicates, distinct: seen.size };
}

export const COUNTERS = "SELECT * FROM event_counters";
export const TRADES = `SELECT t.id, t.buyer_id, t.seller_id, m.symbol
  FROM trades t JOIN markets m ON m.id = t.market_id`;
export const PENDING = `SELECT (SELECT count(*) FROM outbox)::int AS outbox,
  (SELECT count(*) FROM dead_letters)::int AS dead_letters`;
