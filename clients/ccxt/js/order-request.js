// The body of POST /orders for the parameters of ccxt's createOrder().
import ccxt from "ccxt";

const UNIFIED = [
  "clientOrderId",
  "cost",
  "goodTillDate",
  "idempotencyKey",
  "postOnly",
  "selfTradePrevention",
  "stopLossPrice",
  "stopPrice",
  "timeInForce",
  "triggerDirection",
  "triggerPrice",
];

// A stop order to buy waits for a rising price, one to sell for a falling price.
function checkDirection(exchange, side, params) {
  const direction = exchange.safeString(params, "triggerDirection");
  const own = side === "buy" ? ["ascending", "above", "up"] : ["descending", "below", "down"];
  if (exchange.safeString(params, "takeProfitPrice") !== undefined) {
    throw new ccxt.NotSupported(`${exchange.id} has no take-profit orders`);
  }
  if (direction !== undefined && !own.includes(direction)) {
    throw new ccxt.NotSupported(`${exchange.id} stop orders to ${side} trigger ${own[0]} only`);
  }
}

function timeInForceFields(exchange, params) {
  const timeInForce = exchange.safeStringUpper(params, "timeInForce");
  const date = exchange.safeValue(params, "goodTillDate");
  const fields = {};
  if (timeInForce !== undefined && timeInForce !== "PO") {
    fields.time_in_force = timeInForce.toLowerCase();
  }
  if (date !== undefined) {
    fields.time_in_force = "gtd";
    fields.expires_at = typeof date === "number" ? exchange.iso8601(date) : date;
  }
  return fields;
}

// Parameters without a unified name are passed on as they are.
export function orderRequest(exchange, symbol, type, side, amount, price, params) {
  const stopPrice = exchange.safeStringN(params, ["triggerPrice", "stopPrice", "stopLossPrice"]);
  const cost = exchange.safeString(params, "cost");
  checkDirection(exchange, side, params);
  const [postOnly] = exchange.handlePostOnly(type === "market", false, params);
  const request = {
    symbol: exchange.marketId(symbol),
    type: stopPrice === undefined ? type : `stop_${type}`,
    side,
    ...timeInForceFields(exchange, params),
  };
  if (cost === undefined) {
    request.amount = exchange.amountToPrecision(symbol, amount);
  } else if (type === "market" && side === "buy") {
    request.quote_amount = exchange.numberToString(cost);
  } else {
    throw new ccxt.NotSupported(`${exchange.id} cost is for market orders to buy`);
  }
  if (type !== "market") {
    if (price === undefined) throw new ccxt.ArgumentsRequired(`${exchange.id} price is required`);
    request.price = exchange.priceToPrecision(symbol, price);
  }
  if (stopPrice !== undefined) request.stop_price = exchange.priceToPrecision(symbol, stopPrice);
  if (postOnly) request.post_only = true;
  const clientOrderId = exchange.safeString(params, "clientOrderId");
  if (clientOrderId !== undefined) request.client_order_id = clientOrderId;
  const prevention = exchange.safeString(params, "selfTradePrevention");
  if (prevention !== undefined) request.self_trade_prevention = prevention;
  return { ...request, ...exchange.omit(params, UNIFIED) };
}
