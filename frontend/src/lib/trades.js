// The trades of one market, newest first: those fetched from the API and those received as events.
import { fromUnits, toUnits } from "./decimal.js";

/** The maximum number of trades that the page keeps for the table and the chart. */
export const MAX_TRADES = 2_000;

/** Converts a `trade.executed` event to a row of the API's list. */
export const tradeFromEvent = ({
  trade_id: id,
  sequence,
  symbol,
  price,
  amount,
  executed_at: time,
}) => ({
  id: String(id),
  sequence: String(sequence),
  symbol,
  price,
  amount,
  created_at: time,
});

/**
 * The user's side of each own trade of a market, by the trade's id, from the balance history: of
 * its two rows the one in the base asset is a credit for the buyer.
 */
export function ownSides(history, symbol) {
  const [base] = symbol.split("/");
  const isTrade = (row) => row.reference_type === "Trade" && row.currency === base;
  const side = ({ reference_id: id, credit }) => [id, credit === "0" ? "Sold" : "Bought"];
  return new Map(history.filter(isTrade).map(side));
}

/** The live trades that are newer than the fetched list. Trade ids increase with time. */
export function tradesNewerThan(fetched, live) {
  if (!fetched.length) return live;
  const newestId = BigInt(fetched[0].id);
  return live.filter(({ id }) => BigInt(id) > newestId);
}

/** Adds to a trade of the user what the buyer has paid for it, or the seller has received. */
export function withTotal(trade) {
  const [value, commission] = [toUnits(trade.value), toUnits(trade.commission)];
  const total = trade.side === "buy" ? value + commission : value - commission;
  return { ...trade, total: fromUnits(total) };
}
