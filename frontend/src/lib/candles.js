// Trades as candles. A chart is drawn with floats; the exact numbers stand in the tables.
import { toDate } from "./timestamps.js";

/** Candles of so many seconds, oldest first, from trades that come newest first. */
export function candlesOf(trades, seconds) {
  const candles = [];
  for (const trade of [...trades].reverse()) {
    const price = Number(trade.price);
    const amount = Number(trade.amount);
    const at = Math.floor(toDate(trade.created_at).getTime() / 1000);
    const time = at - (at % seconds);
    const last = candles.at(-1);
    // Clocks of several processes may differ by little; the chart wants ascending times.
    if (last && time <= last.time) {
      last.high = Math.max(last.high, price);
      last.low = Math.min(last.low, price);
      last.close = price;
      last.volume += amount;
    } else {
      candles.push({ time, open: price, high: price, low: price, close: price, volume: amount });
    }
  }
  return candles;
}
