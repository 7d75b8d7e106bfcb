// Tells what an event means, once what it changed is on the page: a toast for each trade, or one
// for a burst of them.
import { useAuth } from "./useAuth.js";
import { useToasts } from "./useToasts.js";
import { useTrading } from "./useTrading.js";
import { grouped, plain } from "../lib/exact.js";

const SINGLE_AT_MOST = 3;

export function useTradeToasts() {
  const { user } = useAuth();
  const { toast } = useToasts();
  const { data, refresh } = useTrading();
  let waiting = [];

  // pusher-js has read the event's numbers as floats; the re-fetched list has their digits.
  // An event of another market is not in the list.
  const exact = (event) =>
    data.trades.data?.find(({ id }) => id === String(event.trade_id)) ?? {
      ...event,
      price: plain(event.price),
      amount: plain(event.amount),
    };
  const isBuyer = (event) => String(event.buyer_id) === user.value?.id;

  function tell(event) {
    const { price, amount, symbol } = exact(event);
    const verb = isBuyer(event) ? "Bought" : "Sold";
    const text = `at ${grouped(price)} USD, trade #${event.trade_id}`;
    toast(isBuyer(event) ? "buy" : "sell", `${verb} ${grouped(amount)} ${symbol}`, text);
  }

  return async function onOrderMatched(event) {
    waiting.push(event);
    if (waiting.length > 1) return;
    await refresh();
    const told = waiting;
    waiting = [];
    if (told.length <= SINGLE_AT_MOST) return told.forEach(tell);
    const symbols = [...new Set(told.map(({ symbol }) => symbol))].join(", ");
    toast("info", `${told.length} trades in ${symbols}`, "They are in the list of trades.");
  };
}
