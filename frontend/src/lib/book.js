// The book as people read it: one row per price.
import { fromUnits, toUnits } from "./exact.js";

/** Orders of one side, best first, as levels with running sums; whose id is `userId` is marked. */
export function levelsOf(orders, userId) {
  const levels = [];
  for (const order of orders) {
    const last = levels.at(-1);
    const units = toUnits(order.amount);
    const isOwn = order.user_id === userId;
    if (last?.price === order.price) {
      last.units += units;
      last.isOwn ||= isOwn;
    } else {
      levels.push({ price: order.price, units, isOwn });
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
