// Trades of one market, newest first: what the API has listed, and what events have told since.

/** Rows at most, for the list and for the chart. */
export const TRADES_SHOWN = 2_000;

/** An event `trade.executed` as a row of the list; who took part is told to nobody else. */
export const tradeOf = ({ trade_id: id, symbol, price, amount, executed_at: at }) => ({
  id: String(id),
  symbol,
  price,
  amount,
  created_at: at,
});

/** Those of the told trades that a list does not reach to: ids grow as trades are executed. */
export function newerThan(listed, told) {
  if (!listed.length) return told;
  const newest = BigInt(listed[0].id);
  return told.filter(({ id }) => BigInt(id) > newest);
}
