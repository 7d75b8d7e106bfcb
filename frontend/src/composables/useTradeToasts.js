// Shows a toast for each of the user's trades, or one for a burst of them, after the page has been
// refreshed.
import * as api from "../api.js";
import { useAuth } from "./useAuth.js";
import { useToasts } from "./useToasts.js";
import { useTrading } from "./useTrading.js";
import { floatToText, formatDecimal } from "../lib/decimal.js";

const MAX_SINGLE_TOASTS = 3;

export function useTradeToasts() {
  const { user } = useAuth();
  const { showToast } = useToasts();
  const { data, refresh } = useTrading();
  /** The last events, which share a refresh. */
  let batch = { refreshed: null, events: [] };

  // pusher-js parses the event's numbers as floats, so the exact decimals are taken from the lists
  // of trades. The list of the selected market is up to date; those of other markets are fetched.
  async function withExactDecimals(events) {
    const trades = new Map((data.trades.data ?? []).map((trade) => [trade.id, trade]));
    const missing = events.filter((event) => !trades.has(String(event.trade_id)));
    const symbols = [...new Set(missing.map(({ symbol }) => symbol))];
    const lists = await Promise.all(symbols.map((symbol) => api.trades(symbol).catch(() => [])));
    lists.flat().forEach((trade) => trades.set(trade.id, trade));
    return events.map((event) => ({ ...event, ...trades.get(String(event.trade_id)) }));
  }
  const isBuyer = (event) => String(event.buyer_id) === user.value?.id;

  function showTradeToast(event) {
    // These are still floats if the trade could not be fetched.
    const [price, amount] = [floatToText(event.price), floatToText(event.amount)];
    const verb = isBuyer(event) ? "Bought" : "Sold";
    const text = `at ${formatDecimal(price)} USD, trade #${event.trade_id}`;
    const title = `${verb} ${formatDecimal(amount)} ${event.symbol}`;
    showToast(isBuyer(event) ? "buy" : "sell", title, text);
  }

  return async function onOrderMatched(event) {
    // A refresh that is running may have read the data before this trade. All events that arrive
    // until the next one begins get the same promise.
    const refreshed = refresh();
    if (batch.refreshed === refreshed) {
      batch.events.push(event);
      return;
    }
    const events = [event];
    batch = { refreshed, events };
    await refreshed;
    if (events.length <= MAX_SINGLE_TOASTS) {
      return (await withExactDecimals(events)).forEach(showTradeToast);
    }
    const symbols = [...new Set(events.map(({ symbol }) => symbol))].join(", ");
    showToast("info", `${events.length} trades in ${symbols}`, "See the list of recent trades.");
  };
}
