// Display labels for the codes of the API.
export const ORDER_OPEN = "1";
export const STATUS_LABELS = { 1: "Open", 2: "Filled", 3: "Cancelled" };
export const SIDE_LABELS = { buy: "Buy", sell: "Sell" };
export const ROLE_LABELS = { maker: "Maker", taker: "Taker" };

/** More precise than the status: why an order is not in the book. */
export function statusLabel(order) {
  if (order.is_waiting) return "Waiting";
  if (order.cancel_reason === "expired") return "Expired";
  return STATUS_LABELS[order.status] ?? "Unknown";
}

const ACTION_LABELS = {
  deposit: "Deposit",
  order_reserved: "Order reserved",
  order_refund: "Refund",
  order_cancelled: "Order cancelled",
  trade_completed: "Trade",
  commission_collected: "Commission",
  migration_opening: "Balance taken over",
  migration_history: "Before the migration",
  migration_adjustment: "Correction in the migration",
};
export const actionLabel = (entry) => ACTION_LABELS[entry.action] ?? entry.action;
