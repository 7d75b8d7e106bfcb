// Exact decimal arithmetic. Numbers from the API are kept as text; calculations use BigInt units of
// 10⁻⁸ and the same rounding rules as the server. No amount is ever converted to a float.

export const DECIMAL_PLACES = 8;
export const ONE = 10n ** BigInt(DECIMAL_PLACES);
// The server stores amounts as signed 64-bit integers.
const MAX_UNITS = 2n ** 63n - 1n;

const STRING_OR_NUMBER = /("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;

/** Parses JSON and returns every number as the text it was written as. */
export function parseLosslessJson(text) {
  return JSON.parse(text.replace(STRING_OR_NUMBER, (_, string, number) => string ?? `"${number}"`));
}

/** Converts a decimal to units of 10⁻⁸; `null` if it is invalid, too precise or too large. */
export function toUnits(text) {
  const units = toUnboundedUnits(text);
  return units > MAX_UNITS || units < -MAX_UNITS ? null : units;
}

/** Like `toUnits` without the upper limit: the total of many orders may exceed any one account. */
export function toUnboundedUnits(text) {
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(String(text).trim());
  if (!match || !(match[2] || match[3])) return null;
  const fraction = (match[3] ?? "").replace(/0+$/, "");
  if (fraction.length > DECIMAL_PLACES) return null;
  const units = BigInt(match[2] || "0") * ONE + BigInt(fraction.padEnd(DECIMAL_PLACES, "0"));
  return match[1] ? -units : units;
}

/** Converts units to their shortest decimal text: `50000`, `0.1`. */
export function fromUnits(units) {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(DECIMAL_PLACES + 1, "0");
  const fraction = digits.slice(-DECIMAL_PLACES).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -DECIMAL_PLACES)}${fraction && `.${fraction}`}`;
}

/** `⌊price × amount⌋`, in units. */
export const orderValue = (price, amount) => (price * amount) / ONE;

/** `⌈rate × value⌉`, in units. */
export const commissionOn = (value, rate) => (rate * value + ONE - 1n) / ONE;

/** The funds that a buy order reserves: its value plus the commission. */
export function buyCost(price, amount, rate) {
  const value = orderValue(price, amount);
  const commission = commissionOn(value, rate);
  return { value, commission, total: value + commission };
}

/** The largest amount whose total cost fits the budget, leaving at most 10⁻⁸ of it unused. */
export function maxAffordableAmount(budget, price, rate) {
  // The two rounding steps add at most one unit to the exact product.
  return price > 0n && budget > 1n ? ((budget - 1n) * ONE * ONE) / (price * (ONE + rate)) : 0n;
}

const parts = new Intl.NumberFormat().formatToParts(1000.5);
const decimalPoint = parts.find(({ type }) => type === "decimal")?.value ?? ".";
const integerFormat = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

/** Formats a decimal for the user's locale without changing its digits. */
export function formatDecimal(text) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(text));
  if (!match) return String(text);
  const [, sign, whole, fraction] = match;
  const suffix = fraction ? decimalPoint + fraction : "";
  return `${sign && "−"}${integerFormat.format(BigInt(whole))}${suffix}`;
}

/** Converts a number that was parsed as a float to text without an exponent. */
export function floatToText(number) {
  const text = String(number);
  return text.includes("e") ? number.toFixed(DECIMAL_PLACES).replace(/\.?0+$/, "") : text;
}

/** The number of digits after the decimal point. */
export const decimalPlacesOf = (text) => String(text).split(".")[1]?.length ?? 0;

/** The largest number of decimal places in a column, to which the others are padded. */
export const maxDecimalPlaces = (values) =>
  values.reduce((max, value) => Math.max(max, decimalPlacesOf(value)), 0);

/** The invisible text after a number that aligns the decimal points of a column. */
export function alignmentPadding(text, places) {
  const missing = places - decimalPlacesOf(text);
  if (missing <= 0) return "";
  return (decimalPlacesOf(text) ? "" : decimalPoint) + "0".repeat(missing);
}
