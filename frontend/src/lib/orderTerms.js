// What an order may do besides resting at its price: the choices of the form, and what a preview
// says of them.
import { formatDecimal, fromUnits, toUnits } from "./decimal.js";
import { utcFromLocal } from "./timestamps.js";

export const ORDER_TYPES = [
  { value: "limit", label: "Limit" },
  { value: "market", label: "Market" },
  { value: "stop_limit", label: "Stop limit" },
  { value: "stop_market", label: "Stop market" },
];

const RESTS = [
  { value: "gtc", label: "Good till cancelled" },
  { value: "gtd", label: "Good till date" },
];
const IOC = { value: "ioc", label: "Immediate or cancel" };
const ENDS_AT_ONCE = [IOC, { value: "fok", label: "Fill or kill" }];

/** Whether the user determines the price; otherwise it is a market order, maybe after a stop. */
export const hasPrice = ({ type }) => type === "limit" || type === "stop_limit";
/** Whether the order waits until a trade reaches its stop price. */
export const hasStopPrice = ({ type }) => type === "stop_limit" || type === "stop_market";
export const hasExpiry = ({ time_in_force }) => time_in_force === "gtd";

/** Whether the size may be what the order costs, instead of its amount. */
export const allowsQuoteAmount = ({ type, side }) => type === "market" && side === "buy";
/** The name of the field that has the size of the order. */
export const sizeField = (draft) =>
  draft.is_size_in_quote && allowsQuoteAmount(draft) ? "quote_amount" : "amount";

/** A market order never rests, and what it buys for a quote amount is not known before. */
export function timesInForce(draft) {
  if (hasPrice(draft)) return [...RESTS, ...ENDS_AT_ONCE];
  return sizeField(draft) === "quote_amount" ? [IOC] : ENDS_AT_ONCE;
}

export const SELF_TRADE_PREVENTIONS = [
  { value: "cancel_newest", label: "Cancel this order" },
  { value: "cancel_oldest", label: "Cancel my resting order" },
  { value: "cancel_both", label: "Cancel both" },
  { value: "decrement", label: "Reduce both" },
];

export const newDraft = () => ({
  side: "buy",
  type: "limit",
  time_in_force: "gtc",
  stop_price: "",
  price: "",
  amount: "",
  /** Of a market order to buy: what it may cost, if that is its size. */
  quote_amount: "",
  is_size_in_quote: false,
  /** In local time, as the input has it. */
  expires_at: "",
  post_only: false,
  self_trade_prevention: "cancel_newest",
});

/** Whether the order can be refused if it would match at once, because otherwise it rests. */
export const allowsPostOnly = (draft) =>
  draft.type === "limit" && RESTS.some(({ value }) => value === draft.time_in_force);

/** What is wrong with a number as typed by the user; `undefined` if nothing is. */
export function decimalError(text) {
  const units = toUnits(text);
  if (units === null) return "Enter a number with at most 8 decimal places.";
  return units > 0n ? undefined : "Enter a number greater than zero.";
}

/** What is wrong with a draft, by field. */
export function draftErrors(draft) {
  const errors = {
    stop_price: hasStopPrice(draft) && decimalError(draft.stop_price),
    price: hasPrice(draft) && decimalError(draft.price),
    [sizeField(draft)]: decimalError(draft[sizeField(draft)]),
    expires_at:
      hasExpiry(draft) && !utcFromLocal(draft.expires_at) && "Enter a date and a time of day.",
  };
  return Object.fromEntries(Object.entries(errors).filter(([, text]) => text));
}

/** The fields of the request that places this draft, which has no errors. */
export function orderRequest(symbol, draft) {
  const { side, type, time_in_force, self_trade_prevention, stop_price, price, expires_at } = draft;
  return {
    symbol,
    side,
    type,
    time_in_force,
    self_trade_prevention,
    [sizeField(draft)]: draft[sizeField(draft)],
    post_only: draft.post_only && allowsPostOnly(draft),
    ...(hasStopPrice(draft) && { stop_price }),
    ...(hasPrice(draft) && { price }),
    ...(hasExpiry(draft) && { expires_at: utcFromLocal(expires_at) }),
  };
}

const CANCELLATIONS = {
  ioc: "the rest is cancelled, as nothing more matches",
  fok: "the order is cancelled, as it cannot be filled completely",
  slippage: "the rest is cancelled, as the next price is too far from the best one",
  self_trade: "the rest is cancelled, as it would match your own order",
  fill_limit: "the rest is cancelled, as the order matches too many others",
  out_of_range: "the rest is cancelled, as an account could not hold more",
};

/**
 * A sentence about what the order would do now.
 * @param order the request that was previewed
 */
export function describePreview(preview, { symbol, side, stop_price }) {
  if (preview.rejection) return preview.rejection.message;
  if (preview.is_waiting) {
    const reserved = `${formatDecimal(preview.reserved)} ${side === "buy" ? "USD" : symbol}`;
    const stopPrice = formatDecimal(fromUnits(toUnits(stop_price)));
    return `Now: reserves ${reserved} and waits until a trade reaches the stop price ${stopPrice}.`;
  }
  const parts = [];
  if (toUnits(preview.filled_amount) > 0n) {
    const price = formatDecimal(preview.average_price);
    parts.push(`fills ${formatDecimal(preview.filled_amount)} ${symbol} at ${price} on average`);
  }
  if (toUnits(preview.resting_amount) > 0n) {
    parts.push(`${formatDecimal(preview.resting_amount)} ${symbol} rest in the book`);
  }
  if (preview.cancel_reason) parts.push(CANCELLATIONS[preview.cancel_reason] ?? "it is cancelled");
  return `Now: ${parts.join("; ")}.`;
}
