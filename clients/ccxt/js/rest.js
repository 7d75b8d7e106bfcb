// The calls of the REST API under ccxt's unified names.
import { randomUUID } from "node:crypto";
import ccxt from "ccxt";
import { Mapping } from "./mapping.js";

// Begins with the time: keys that grow cost the server less.
const newKey = () => `${Date.now()}-${randomUUID()}`;

export class Rest extends Mapping {
  #signingIn;

  // Logs in with `login` and `password` before the first private call without a token. A write gets
  // an idempotency key, so that fetch2() can repeat it after a failure of the network.
  async request(path, api = "public", method = "GET", params = {}, headers = {}, body, config) {
    if (api === "private") {
      if (!this.token && !this.apiKey) await this.signIn();
      if (method !== "GET") headers = { "Idempotency-Key": newKey(), ...headers };
    }
    return await super.request(path, api, method, params, headers, body, config);
  }

  async signIn(params = {}) {
    if (!this.login || !this.password) {
      throw new ccxt.AuthenticationError(`${this.id} requires apiKey, or login and password`);
    }
    this.#signingIn ??= this.publicPostLogin({
      email: this.login,
      password: this.password,
      ...params,
    }).finally(() => (this.#signingIn = undefined));
    const response = await this.#signingIn;
    this.token = this.safeString(response.data, "token");
    return response.data;
  }

  // The newest `limit` rows or, with `since`, all rows from then on. Follows the pages.
  async fetchRows(path, api, request, since = undefined, limit = undefined, params = {}) {
    const page = this.safeInteger(this.options, "pageLimit", 1000);
    const until = this.safeInteger(params, "until");
    const wanted = since === undefined ? (limit ?? page) : Infinity;
    request = { ...request, ...this.omit(params, "until"), limit: Math.min(wanted, page) };
    if (since !== undefined) request.from = this.iso8601(since);
    if (until !== undefined) request.to = this.iso8601(until);
    const rows = [];
    for (;;) {
      const response = await this.request(path, api, "GET", request);
      rows.push(...response.data);
      const cursor = this.nextCursor(response);
      if (cursor === undefined || rows.length >= wanted) return rows.slice(0, wanted);
      request.cursor = cursor;
    }
  }

  async optionalMarket(symbol) {
    await this.loadMarkets();
    return symbol === undefined ? undefined : this.market(symbol);
  }

  async fetchTime(params = {}) {
    return this.safeInteger((await this.publicGetTime(params)).data, "unix_ms");
  }

  async fetchMarkets(params = {}) {
    return (await this.publicGetMarkets(params)).data.map((market) => this.parseMarket(market));
  }

  async fetchOrderBook(symbol, limit = undefined, params = {}) {
    const market = await this.optionalMarket(symbol);
    const request = { symbol: encodeURIComponent(market.id), ...params };
    if (limit !== undefined) request.depth = limit;
    return this.parseBook((await this.publicGetOrderbookSymbol(request)).data, symbol);
  }

  async fetchTicker(symbol, params = {}) {
    const market = await this.optionalMarket(symbol);
    const response = await this.publicGetTicker({ symbol: market.id, ...params });
    return this.parseTicker(response.data, market);
  }

  async fetchTickers(symbols = undefined, params = {}) {
    await this.loadMarkets();
    return this.parseTickers(
      (await this.publicGetTicker(params)).data,
      this.marketSymbols(symbols),
    );
  }

  async fetchTrades(symbol, since = undefined, limit = undefined, params = {}) {
    const market = await this.optionalMarket(symbol);
    const request = { symbol: market.id };
    const rows = await this.fetchRows("trades", "public", request, since, limit, params);
    return this.parseTrades(rows, market, since, limit);
  }

  async fetchOHLCV(symbol, timeframe = "1m", since = undefined, limit = undefined, params = {}) {
    const market = await this.optionalMarket(symbol);
    const request = { symbol: market.id, interval: this.safeString(this.timeframes, timeframe) };
    const rows = await this.fetchRows("candles", "public", request, since, limit, params);
    return this.parseOHLCVs(rows, market, timeframe, since, limit);
  }

  async fetchBalance(params = {}) {
    return this.parseBalance((await this.privateGetBalances(params)).data);
  }

  async createOrder(symbol, type, side, amount, price = undefined, params = {}) {
    const market = await this.optionalMarket(symbol);
    const key = this.safeString(params, "idempotencyKey");
    const headers = key === undefined ? {} : { "Idempotency-Key": key };
    const request = this.orderRequest(symbol, type, side, amount, price, params);
    const response = await this.request("orders", "private", "POST", request, headers);
    return this.parseOrder(response.data.order, market);
  }

  async createMarketBuyOrderWithCost(symbol, cost, params = {}) {
    return await this.createOrder(symbol, "market", "buy", undefined, undefined, {
      ...params,
      cost,
    });
  }

  async editOrder(id, symbol, type, side, amount = undefined, price = undefined, params = {}) {
    const market = await this.optionalMarket(symbol);
    const request = { id, ...params };
    if (amount !== undefined) request.amount = this.amountToPrecision(symbol, amount);
    if (price !== undefined) request.price = this.priceToPrecision(symbol, price);
    return this.parseOrder((await this.privatePatchOrdersId(request)).data.order, market);
  }

  // The name of an order in a path: its id, or the client order id in `params`.
  orderPath(id, params) {
    const clientOrderId = this.safeString(params, "clientOrderId");
    const rest = this.omit(params, "clientOrderId");
    if (clientOrderId === undefined) return ["orders/{id}", { id, ...rest }];
    return ["orders/by-client-id/{id}", { id: encodeURIComponent(clientOrderId), ...rest }];
  }

  async cancelOrder(id, symbol = undefined, params = {}) {
    const [path, request] = this.orderPath(id, params);
    const response = await this.request(`${path}/cancel`, "private", "POST", request);
    const clientOrderId = this.safeString(params, "clientOrderId");
    return this.safeOrder({ id, clientOrderId, symbol, status: "canceled", info: response });
  }

  async cancelAllOrders(symbol = undefined, params = {}) {
    const market = await this.optionalMarket(symbol);
    const request = { ...(market && { symbol: market.id }), ...params };
    const { data } = await this.privateDeleteOrders(request);
    const canceled = (id) => this.safeOrder({ id, symbol, status: "canceled", info: data });
    return this.safeList(data, "order_ids", []).map(canceled);
  }

  async fetchOrder(id, symbol = undefined, params = {}) {
    const market = await this.optionalMarket(symbol);
    const [path, request] = this.orderPath(id, params);
    return this.parseOrder(
      (await this.request(path, "private", "GET", request)).data.order,
      market,
    );
  }

  async fetchOrders(symbol = undefined, since = undefined, limit = undefined, params = {}) {
    const market = await this.optionalMarket(symbol);
    const request = market ? { symbol: market.id } : {};
    const rows = await this.fetchRows("my-orders", "private", request, since, limit, params);
    return this.parseOrders(rows, market, since, limit);
  }

  async fetchOpenOrders(symbol = undefined, since = undefined, limit = undefined, params = {}) {
    return await this.fetchOrders(symbol, since, limit, { ...params, status: 1 });
  }

  // Orders that were filled: with ccxt, cancelled orders are not "closed".
  async fetchClosedOrders(symbol = undefined, since = undefined, limit = undefined, params = {}) {
    return await this.fetchOrders(symbol, since, limit, { ...params, status: 2 });
  }

  async fetchMyTrades(symbol = undefined, since = undefined, limit = undefined, params = {}) {
    const market = await this.optionalMarket(symbol);
    const request = market ? { symbol: market.id } : {};
    const rows = await this.fetchRows("my-trades", "private", request, since, limit, params);
    return this.parseTrades(rows, market, since, limit);
  }
}
