// How matchcast's REST API maps to ccxt's unified structures: requests, responses and errors. No
// function here sends anything. matchcast_ccxt/mapping.py is the same in Python, and
// matchcast_ccxt/describe.json belongs to both.
import { readFileSync } from "node:fs";
import ccxt, { Exchange, Precise } from "ccxt";
import { orderRequest } from "./order-request.js";

const FILE = new URL("../matchcast_ccxt/describe.json", import.meta.url);
const DESCRIPTION = JSON.parse(readFileSync(FILE, "utf8"));

// A string, which stays as it is, or a number, which becomes a string.
const STRINGS_AND_NUMBERS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;
const CURSOR = /[?&]cursor=([^&>]+)[^>]*>;\s*rel="?next/;
const STATUSES = { 1: "open", 2: "closed", 3: "canceled" };

export class Mapping extends Exchange {
  describe() {
    const names = DESCRIPTION.exceptions.exact;
    const exact = Object.fromEntries(Object.entries(names).map(([k, name]) => [k, ccxt[name]]));
    return this.deepExtend(super.describe(), { ...DESCRIPTION, exceptions: { exact } });
  }

  // ccxt parses numbers as floats, which lose digits from the 16th on. Here every number of a
  // response is the string that the server has written.
  parseJson(text) {
    try {
      return JSON.parse(
        text.replace(STRINGS_AND_NUMBERS, (token) => (token[0] === '"' ? token : `"${token}"`)),
      );
    } catch {
      return undefined;
    }
  }

  sign(path, api = "public", method = "GET", params = {}, headers = undefined, body = undefined) {
    const query = this.omit(params, this.extractParams(path));
    let url = `${this.implodeHostname(this.urls.api)}/api/${this.implodeParams(path, params)}`;
    headers = { Accept: "application/json", ...headers };
    if (api === "private") headers.Authorization = `Bearer ${this.token || this.apiKey}`;
    if (method === "GET" || method === "DELETE") {
      if (Object.keys(query).length > 0) url += `?${this.urlencode(query)}`;
    } else {
      body = JSON.stringify(query);
      headers["Content-Type"] = "application/json";
    }
    return { url, method, body, headers };
  }

  handleErrors(status, reason, url, method, headers, body, response) {
    const code = this.safeString(response, "code");
    if (code === undefined) return undefined;
    const feedback = `${this.id} ${body}`;
    if (code === "validation_failed") {
      const fields = this.safeDict(response, "errors", {});
      if ("symbol" in fields) throw new ccxt.BadSymbol(feedback);
      if (url.endsWith("/api/login")) throw new ccxt.AuthenticationError(feedback);
      const isOrder = /\/api\/orders(\/|$)/.test(url) && method !== "GET";
      throw new ccxt[isOrder ? "InvalidOrder" : "BadRequest"](feedback);
    }
    this.throwExactlyMatchedException(this.exceptions.exact, code, feedback);
    return undefined;
  }

  nextCursor(response) {
    const link = this.safeString(this.safeValue(response, "responseHeaders"), "Link", "");
    const match = CURSOR.exec(link);
    return match ? decodeURIComponent(match[1]) : undefined;
  }

  // ccxt computes with floats here. The rounding is the same: amounts are cut off, prices rounded.
  amountToPrecision(symbol, amount) {
    const { precision } = this.market(symbol);
    const step = this.numberToString(precision.amount);
    const count = Precise.stringDiv(this.numberToString(amount), step, 0);
    if (count === "0") throw new ccxt.InvalidOrder(`${this.id} amount is less than ${step}`);
    return Precise.stringMul(count, step);
  }

  priceToPrecision(symbol, price) {
    const step = this.numberToString(this.market(symbol).precision.price);
    const half = Precise.stringDiv(step, "2", 9);
    const raised = Precise.stringAdd(this.numberToString(price), half);
    return Precise.stringMul(Precise.stringDiv(raised, step, 0), step);
  }

  orderRequest(...parameters) {
    return orderRequest(this, ...parameters);
  }

  parseMarket(market) {
    const [id, base, quote] = ["symbol", "base", "quote"].map((key) =>
      this.safeString(market, key),
    );
    const [tick, lot] = ["tick_size", "lot_size"].map((key) => this.safeNumber(market, key));
    return this.safeMarketStructure({
      id,
      symbol: `${base}/${quote}`,
      base,
      quote,
      baseId: base,
      quoteId: quote,
      type: "spot",
      spot: true,
      margin: false,
      swap: false,
      future: false,
      option: false,
      contract: false,
      active: this.safeString(market, "status") === "open",
      // ccxt has one rate for both sides. calculateFee() uses that of the side.
      taker: this.safeNumber(market, "buyer_commission"),
      maker: this.safeNumber(market, "buyer_commission"),
      percentage: true,
      tierBased: false,
      feeSide: "quote",
      precision: { amount: lot, price: tick },
      limits: {
        amount: { min: lot, max: undefined },
        price: { min: tick, max: undefined },
        cost: { min: this.safeNumber(market, "min_value"), max: undefined },
      },
      info: market,
    });
  }

  calculateFee(symbol, type, side, amount, price, takerOrMaker = "taker", params = {}) {
    const key = side === "buy" ? "buyer_commission" : "seller_commission";
    const rate = this.safeString(this.market(symbol).info, key);
    return this.calculateFeeWithRate(symbol, type, side, amount, price, takerOrMaker, rate, params);
  }

  // The server sends the best price first. Sorting again would compare strings if `number` is
  // String.
  parseBook(book, symbol) {
    const side = (rows) => rows.map((row) => row.map((value) => this.parseNumber(value)));
    return {
      symbol,
      bids: side(this.safeList(book, "bids", [])),
      asks: side(this.safeList(book, "asks", [])),
      timestamp: undefined,
      datetime: undefined,
      nonce: this.safeInteger(book, "version"),
    };
  }

  parseTicker(ticker, market = undefined) {
    market = this.safeMarket(this.safeString(ticker, "symbol"), market);
    return this.safeTicker(
      {
        symbol: market.symbol,
        timestamp: undefined,
        datetime: undefined,
        high: this.safeString(ticker, "high"),
        low: this.safeString(ticker, "low"),
        bid: this.safeString(ticker, "best_bid"),
        ask: this.safeString(ticker, "best_ask"),
        open: this.safeString(ticker, "open"),
        last: this.safeString(ticker, "last"),
        change: this.safeString(ticker, "change"),
        percentage: this.safeString(ticker, "change_percent"),
        baseVolume: this.safeString(ticker, "volume"),
        quoteVolume: this.safeString(ticker, "quote_volume"),
        info: ticker,
      },
      market,
    );
  }

  parseOHLCV(candle) {
    const values = ["open", "high", "low", "close", "volume"];
    const openedAt = this.parse8601(this.safeString(candle, "opened_at"));
    return [openedAt, ...values.map((key) => this.safeNumber(candle, key))];
  }

  // Rows of /trades and /my-trades, and the payload of the event trade.executed.
  parseTrade(trade, market = undefined) {
    market = this.safeMarket(this.safeString(trade, "symbol"), market);
    const timestamp = this.parse8601(this.safeString2(trade, "created_at", "executed_at"));
    const commission = this.safeString(trade, "commission");
    return this.safeTrade(
      {
        id: this.safeString2(trade, "id", "trade_id"),
        order: this.safeString(trade, "order_id"),
        timestamp,
        datetime: this.iso8601(timestamp),
        symbol: market.symbol,
        type: undefined,
        side: this.safeString(trade, "side"),
        takerOrMaker: this.safeString(trade, "role"),
        price: this.safeString(trade, "price"),
        amount: this.safeString(trade, "amount"),
        cost: this.safeString(trade, "value"),
        fee: commission && {
          cost: commission,
          currency: this.safeString(trade, "commission_currency"),
        },
        info: trade,
      },
      market,
    );
  }

  parseOrderStatus(order) {
    if (this.safeString(order, "cancel_reason") === "expired") return "expired";
    return STATUSES[this.safeString(order, "status")];
  }

  parseOrder(order, market = undefined) {
    market = this.safeMarket(this.safeString(order, "symbol"), market);
    const type = this.safeString(order, "type", "limit").replace("stop_", "");
    const timestamp = this.parse8601(this.safeString(order, "created_at"));
    const amount = this.safeString(order, "amount");
    const filled = this.safeString(order, "filled_amount");
    const rest = Precise.stringSub(amount, filled);
    return this.safeOrder(
      {
        id: this.safeString(order, "id"),
        clientOrderId: this.safeString(order, "client_order_id"),
        timestamp,
        datetime: this.iso8601(timestamp),
        lastUpdateTimestamp: this.parse8601(this.safeString(order, "updated_at")),
        symbol: market.symbol,
        type,
        side: this.safeString(order, "side"),
        // `price` of a market order is the worst price that it accepts.
        price: type === "market" ? undefined : this.safeString(order, "price"),
        triggerPrice: this.safeString(order, "stop_price"),
        amount,
        filled,
        remaining: Precise.stringSub(rest, this.safeString(order, "prevented_amount", "0")),
        average: this.safeString(order, "average_price"),
        status: this.parseOrderStatus(order),
        timeInForce: this.safeStringUpper(order, "time_in_force"),
        postOnly: this.safeBool(order, "post_only"),
        fee: { cost: this.safeNumber(order, "commission"), currency: market.quote },
        info: order,
      },
      market,
    );
  }

  parseBalance(rows) {
    const result = { info: rows };
    for (const row of rows) {
      result[this.safeString(row, "currency")] = {
        free: this.safeString(row, "available"),
        used: this.safeString(row, "locked"),
        total: this.safeString(row, "total"),
      };
    }
    return this.safeBalance(result);
  }
}
