// What an order would cost, before it is placed: the server's arithmetic, done beforehand.
import { affordable, costOf, fromUnits, toUnits, valueOf } from "./decimal.js";

/**
 * @param draft `{side, price, amount}` as they are typed
 * @param available units of what the order is paid in: USD for a buy, the asset for a sell
 * @returns texts of value, commission and total, and the units that remain; `null` while something
 *   is missing
 */
export function quote({ side, price: priceText, amount: amountText }, available, rate) {
  const [price, amount] = [toUnits(priceText), toUnits(amountText)];
  if (!(price > 0n) || !(amount > 0n)) return null;
  if (side === "sell") {
    const value = fromUnits(valueOf(price, amount));
    return { value, commission: "0", total: fromUnits(amount), rest: available - amount };
  }
  const { value, commission, total } = costOf(price, amount, rate);
  const texts = { value, commission, total };
  for (const name of Object.keys(texts)) texts[name] = fromUnits(texts[name]);
  return { ...texts, rest: available - total };
}

/** Units of the amount that takes so many percent of what is available; `null` without a price. */
export function share(percentage, { side, price: priceText }, available, rate) {
  const budget = (available * percentage) / 100n;
  if (side === "sell") return budget;
  const price = toUnits(priceText);
  return price > 0n ? affordable(budget, price, rate) : null;
}
