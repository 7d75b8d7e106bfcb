// The page's words for the API's codes.
export const OPEN = "1";
export const STATUSES = { 1: "Open", 2: "Filled", 3: "Cancelled" };
export const SIDES = { buy: "Buy", sell: "Sell" };

export const statusOf = (order) => STATUSES[order.status] ?? "Unknown";

const ACTIONS = {
  deposit: "Deposit",
  order_reserved: "Reserved",
  order_refund: "Refund",
  order_cancelled: "Given back",
  trade_completed: "Trade",
  commission_collected: "Commission",
};
export const actionOf = (entry) => ACTIONS[entry.action] ?? entry.action;
