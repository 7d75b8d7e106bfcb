// Tells what an event means, once what it changed is on the page: a toast for each trade, or one
// for a burst of them.
import * as api from "../api.js";
import { useAuth } from "./useAuth.js";
import { useToasts } from "./useToasts.js";
import { useTrading } from "./useTrading.js";
import { grouped, plain } from "../lib/decimal.js";

const SINGLE_AT_MOST = 3;

export function useTradeToasts() {
  const { user } = useAuth();
  const { toast } = useToasts();
  const { data, refresh } = useTrading();
  let waiting = [];

  // pusher-js has read the event's numbers as floats; the lists of trades have their digits. That
  // of the market on the page is fresh, another market's is fetched.
  async function exact(events) {
    const known = new Map((data.trades.data ?? []).map((trade) => [trade.id, trade]));
    const missing = events.filter((event) => !known.has(String(event.trade_id)));
    const symbols = [...new Set(missing.map(({ symbol }) => symbol))];
    const lists = await Promise.all(symbols.map((symbol) => api.trades(symbol).catch(() => [])));
    lists.flat().forEach((trade) => known.set(trade.id, trade));
    return events.map((event) => ({ ...event, ...known.get(String(event.trade_id)) }));
  }
  const isBuyer = (event) => String(event.buyer_id) === user.value?.id;

  function tell(event) {
    // Numbers are left only where the list could not be fetched.
    const [price, amount] = [plain(event.price), plain(event.amount)];
    const verb = isBuyer(event) ? "Bought" : "Sold";
    const text = `at ${grouped(price)} USD, trade #${event.trade_id}`;
    toast(isBuyer(event) ? "buy" : "sell", `${verb} ${grouped(amount)} ${event.symbol}`, text);
  }

  return async function onOrderMatched(event) {
    waiting.push(event);
    if (waiting.length > 1) return;
    await refresh();
    const told = waiting;
    waiting = [];
    if (told.length <= SINGLE_AT_MOST) return (await exact(told)).forEach(tell);
    const symbols = [...new Set(told.map(({ symbol }) => symbol))].join(", ");
    toast("info", `${told.length} trades in ${symbols}`, "They are in the list of trades.");
  };
}
