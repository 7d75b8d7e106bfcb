// The book as people read it: one row per price.
import { fromUnits, sumToUnits, toUnits } from "./decimal.js";
import { OPEN } from "./labels.js";

const rowsOf = (levels) => levels.map(([price, amount]) => ({ price, amount }));

/** An event `book.updated` in the shape of the API's book; whose the orders are is not told. */
export const bookOf = ({ asks, bids }) => ({ asks: rowsOf(asks), bids: rowsOf(bids) });

/** Prices, in units, at which a user's orders stand in a market, per side of the book. */
export function ownPricesOf(orders, symbol) {
  const open = orders.filter((order) => order.symbol === symbol && order.status === OPEN);
  const prices = (side) => open.filter((order) => order.side === side).map(({ price }) => price);
  return { asks: new Set(prices("sell").map(toUnits)), bids: new Set(prices("buy").map(toUnits)) };
}

/** Orders of one side, best first, as levels with running sums; `isOwn` says which to mark. */
export function levelsOf(orders, isOwn) {
  const levels = [];
  for (const order of orders) {
    const last = levels.at(-1);
    const units = sumToUnits(order.amount);
    if (last?.price === order.price) {
      last.units += units;
      last.isOwn ||= isOwn(order);
    } else {
      levels.push({ price: order.price, units, isOwn: isOwn(order) });
    }
  }
  let sum = 0n;
  return levels.map((level) => {
    sum += level.units;
    return { ...level, amount: fromUnits(level.units), sum, sumText: fromUnits(sum) };
  });
}

/** What lies between the best prices; `null` while a side is empty. */
export function spreadOf({ asks, bids }) {
  if (!asks.length || !bids.length) return null;
  return fromUnits(toUnits(asks[0].price) - toUnits(bids[0].price));
}
