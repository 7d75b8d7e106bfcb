// The cost of an order before it is placed, calculated with the server's arithmetic.
import { buyCost, fromUnits, maxAffordableAmount, orderValue, toUnits } from "./decimal.js";
import { sizeField } from "./orderTerms.js";

/**
 * @param draft `{side, price, amount}` as typed by the user
 * @param available units of the asset that pays for the order: USD for a buy, the base asset for a
 *   sell
 * @returns value, commission and total as text, and the remaining balance in units; `null` while
 *   the draft is incomplete or invalid
 */
export function previewOrder({ side, price: priceText, amount: amountText }, available, rate) {
  const [price, amount] = [toUnits(priceText), toUnits(amountText)];
  if (!(price > 0n) || !(amount > 0n)) return null;
  if (side === "sell") {
    const value = fromUnits(orderValue(price, amount));
    return { value, commission: "0", total: fromUnits(amount), remaining: available - amount };
  }
  const { value, commission, total } = buyCost(price, amount, rate);
  return {
    value: fromUnits(value),
    commission: fromUnits(commission),
    total: fromUnits(total),
    remaining: available - total,
  };
}

/**
 * As {@link previewOrder}, of an order that may cost this much.
 * @param fills the server's preview, or `null`
 */
export function previewQuoteAmount(quoteAmount, fills, available) {
  const total = toUnits(quoteAmount);
  if (!(total > 0n)) return null;
  const { value, commission } = fills ?? { value: "0", commission: "0" };
  return { value, commission, total: fromUnits(total), remaining: available - total };
}

/** The size, in units, that a percentage of the balance pays for; `null` without a price. */
export function sizeForPercentage(percentage, draft, available, rate) {
  const { side, price: priceText } = draft;
  const budget = (available * percentage) / 100n;
  if (side === "sell" || sizeField(draft) === "quote_amount") return budget;
  const price = toUnits(priceText);
  return price > 0n ? maxAffordableAmount(budget, price, rate) : null;
}
