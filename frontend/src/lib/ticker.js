// The last 24 hours of a market: what the API returned, and the trades since.
import { formatDecimal, fromUnits, orderValue, toUnboundedUnits, toUnits } from "./decimal.js";

/**
 * Adds trades to a ticker.
 * @param trades those after the ticker, newest first
 */
export function addTrades(ticker, trades) {
  if (!trades.length) return ticker;
  const prices = trades.map(({ price }) => toUnits(price));
  const extreme = (known, isBetter) => {
    const all = known === null ? prices : [toUnits(known), ...prices];
    return fromUnits(all.reduce((best, price) => (isBetter(price, best) ? price : best)));
  };
  const add = (known, units) =>
    fromUnits(units.reduce((sum, one) => sum + one, toUnboundedUnits(known)));
  const amounts = trades.map(({ amount }) => toUnits(amount));
  const values = prices.map((price, index) => orderValue(price, amounts[index]));
  const open = ticker.open ?? trades.at(-1).price;
  const change = prices[0] - toUnits(open);
  return {
    ...ticker,
    last: trades[0].price,
    open,
    high: extreme(ticker.high, (a, b) => a > b),
    low: extreme(ticker.low, (a, b) => a < b),
    volume: add(ticker.volume, amounts),
    quote_volume: add(ticker.quote_volume, values),
    change: fromUnits(change),
    change_percent: percentOf(change, toUnits(open)),
  };
}

/** `part` in percent of `whole`, rounded half away from zero to two decimal places. */
function percentOf(part, whole) {
  if (whole === 0n) return null;
  const sign = part < 0n ? -1n : 1n;
  const hundredths = (sign * part * 20_000n + whole) / (2n * whole);
  return fromUnits(sign * hundredths * 10n ** 6n);
}

/** The trades that are newer than the one with this id, newest first; all of them without an id. */
export const tradesAfter = (trades, id) =>
  id === null ? trades : trades.filter((trade) => BigInt(trade.id) > BigInt(id));

/** A change with its sign: `+1,500.5`, `−0.2`, `0`. */
export const formatChange = (text) => (toUnits(text) > 0n ? "+" : "") + formatDecimal(text);

/** "up", "down" or "". */
export function directionOf(change) {
  const units = change === null ? 0n : toUnits(change);
  if (units === 0n) return "";
  return units > 0n ? "up" : "down";
}
