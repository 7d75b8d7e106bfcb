// What an order may do besides resting at its price: the choices of the form, and what a preview
// says of them.
import { formatDecimal, toUnits } from "./decimal.js";

export const ORDER_TYPES = [
  { value: "limit", label: "Limit" },
  { value: "market", label: "Market" },
];

const GTC = { value: "gtc", label: "Good till cancelled" };
const ENDS_AT_ONCE = [
  { value: "ioc", label: "Immediate or cancel" },
  { value: "fok", label: "Fill or kill" },
];

/** A market order never rests. */
export const timesInForce = (type) => (type === "market" ? ENDS_AT_ONCE : [GTC, ...ENDS_AT_ONCE]);

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
  price: "",
  amount: "",
  post_only: false,
  self_trade_prevention: "cancel_newest",
});

/** Whether what does not fill at once stays in the book. */
export const mayRest = ({ type, time_in_force }) => type === "limit" && time_in_force === "gtc";

/** The fields of the request that places this draft. */
export function orderRequest(symbol, draft) {
  const { price, ...rest } = draft;
  const order = { symbol, ...rest, post_only: draft.post_only && mayRest(draft) };
  return draft.type === "limit" ? { ...order, price } : order;
}

const CANCELLATIONS = {
  ioc: "the rest is cancelled, as nothing more matches",
  fok: "the order is cancelled, as it cannot be filled completely",
  slippage: "the rest is cancelled, as the next price is too far from the best one",
  self_trade: "the rest is cancelled, as it would match your own order",
  fill_limit: "the rest is cancelled, as the order matches too many others",
  out_of_range: "the rest is cancelled, as an account could not hold more",
};

/** A sentence about what the order would do now. */
export function describePreview(preview, symbol) {
  if (preview.rejection) return preview.rejection.message;
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
