// Exact decimals. The API's numbers stay the text that it wrote; arithmetic counts units of 10⁻⁸
// in BigInt, with the same roundings as the server. No amount passes through a float.

export const DECIMALS = 8;
export const ONE = 10n ** BigInt(DECIMALS);
// The server counts in 64 bits.
const MOST_UNITS = 2n ** 63n - 1n;

const NUMBER = /("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;

/** Parses JSON; every number becomes the text that it was written with. */
export function parseExact(text) {
  return JSON.parse(text.replace(NUMBER, (_, string, number) => string ?? `"${number}"`));
}

/** Units of 10⁻⁸ of a decimal's text; `null` when it is none, too fine, or too large. */
export function toUnits(text) {
  const units = sumToUnits(text);
  return units > MOST_UNITS || units < -MOST_UNITS ? null : units;
}

/** The same of a sum, which may be larger than anything that one account holds. */
export function sumToUnits(text) {
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(String(text).trim());
  if (!match || !(match[2] || match[3])) return null;
  const fraction = (match[3] ?? "").replace(/0+$/, "");
  if (fraction.length > DECIMALS) return null;
  const units = BigInt(match[2] || "0") * ONE + BigInt(fraction.padEnd(DECIMALS, "0"));
  return match[1] ? -units : units;
}

/** The shortest text of so many units: `50000`, `0.1`. */
export function fromUnits(units) {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(DECIMALS + 1, "0");
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -DECIMALS)}${fraction && `.${fraction}`}`;
}

/** `⌊price × amount⌋`, in units. */
export const valueOf = (price, amount) => (price * amount) / ONE;

/** `⌈rate × value⌉`, in units. */
export const commissionOn = (value, rate) => (rate * value + ONE - 1n) / ONE;

/** What a buy reserves: its value and the commission on it. */
export function costOf(price, amount, rate) {
  const value = valueOf(price, amount);
  const commission = commissionOn(value, rate);
  return { value, commission, total: value + commission };
}

/** An amount whose whole cost a budget surely covers; at most 10⁻⁸ of the budget stays unused. */
export function affordable(budget, price, rate) {
  // Two roundings together cost at most one unit more than the exact product.
  return price > 0n && budget > 1n ? ((budget - 1n) * ONE * ONE) / (price * (ONE + rate)) : 0n;
}

const parts = new Intl.NumberFormat().formatToParts(1000.5);
const decimalPoint = parts.find(({ type }) => type === "decimal")?.value ?? ".";
const grouping = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

/** The same digits, grouped as the reader's locale does it. */
export function grouped(text) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(text));
  if (!match) return String(text);
  const [, sign, whole, fraction] = match;
  const point = fraction ? decimalPoint + fraction : "";
  return `${sign && "−"}${grouping.format(BigInt(whole))}${point}`;
}

/** The text of a number that somebody else has read as a float, without an exponent. */
export function plain(number) {
  const text = String(number);
  return text.includes("e") ? number.toFixed(DECIMALS).replace(/\.?0+$/, "") : text;
}

/** How many digits stand behind the decimal point. */
export const fractionLength = (text) => String(text).split(".")[1]?.length ?? 0;

/** The most digits behind the point in a column: what aligns it. */
export const placesOf = (values) =>
  values.reduce((most, value) => Math.max(most, fractionLength(value)), 0);

/** What stands invisibly behind a number, so that the points of a column are below each other. */
export function padding(text, places) {
  const missing = places - fractionLength(text);
  if (missing <= 0) return "";
  return (fractionLength(text) ? "" : decimalPoint) + "0".repeat(missing);
}
