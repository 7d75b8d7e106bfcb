// The order book as the page displays it: one row per price level.
import { fromUnits, toUnboundedUnits, toUnits } from "./decimal.js";
import { ORDER_OPEN } from "./labels.js";

const toOrders = (levels) => levels.map(([price, amount]) => ({ price, amount }));

/** Converts a `book.updated` event to the shape of the API's order book, without user ids. */
export const bookFromEvent = ({ asks, bids }) => ({ asks: toOrders(asks), bids: toOrders(bids) });

/** The prices, in units, of the user's orders in the book of one market, per side. */
export function userPrices(orders, symbol) {
  const isInBook = (order) => order.status === ORDER_OPEN && !order.is_waiting;
  const resting = orders.filter((order) => order.symbol === symbol && isInBook(order));
  const prices = (side) => resting.filter((order) => order.side === side).map(({ price }) => price);
  return { asks: new Set(prices("sell").map(toUnits)), bids: new Set(prices("buy").map(toUnits)) };
}

/**
 * Aggregates the orders of one side, best price first, into levels with cumulative totals.
 * @param isUserOrder tells which orders belong to the current user
 */
export function aggregateLevels(orders, isUserOrder) {
  const levels = [];
  for (const order of orders) {
    const last = levels.at(-1);
    const units = toUnboundedUnits(order.amount);
    if (last?.price === order.price) {
      last.units += units;
      last.hasUserOrder ||= isUserOrder(order);
    } else {
      levels.push({ price: order.price, units, hasUserOrder: isUserOrder(order) });
    }
  }
  let total = 0n;
  return levels.map((level) => {
    total += level.units;
    return { ...level, amount: fromUnits(level.units), total, totalText: fromUnits(total) };
  });
}

/** The difference between the best ask and the best bid; `null` while one side is empty. */
export function spreadOf({ asks, bids }) {
  if (!asks.length || !bids.length) return null;
  return fromUnits(toUnits(asks[0].price) - toUnits(bids[0].price));
}
