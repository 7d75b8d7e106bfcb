// watchOrderBook, watchTrades, watchOrders and watchMyTrades.
//
// Events arrive at least once, and not while the connection is interrupted. Therefore each list is
// compared with the server's after every subscription, and rows are recognized: nothing is reported
// twice, and nothing that happened in between is missing.
import ccxt from "ccxt";
import { Channels } from "./channels.js";
import { KnownRows } from "./known-rows.js";

const ENCRYPTED = "private-encrypted-";

export class Live extends Channels {
  // Updates that no watch…() has returned yet, by hash.
  #pending = {};
  // What was reported already, by hash.
  #known = {};
  #returnedVersions = {};
  #userId;
  // The name of order.matched, for which the operator may have chosen another one.
  #matched;

  async watchOrderBook(symbol, limit = undefined, params = {}) {
    const channel = await this.#marketChannel(symbol);
    const load = async (client) => {
      const request = { depth: limit, ...params };
      this.#updateBook(client, channel, await this.fetchOrderBook(symbol, undefined, request));
    };
    // A book that arrived since the last call is returned at once.
    const isPending =
      this.orderbooks?.[symbol]?.nonce > (this.#returnedVersions[symbol] ?? Infinity);
    const book = isPending
      ? this.orderbooks[symbol]
      : await this.watchChannel(channel, `${channel}:book`, async () => {}, load);
    this.#returnedVersions[symbol] = book.nonce;
    return { ...book, bids: book.bids.slice(0, limit), asks: book.asks.slice(0, limit) };
  }

  // Every event and every response is a complete book. Its version tells which one is newer.
  #updateBook(client, channel, book) {
    this.orderbooks ??= {};
    if (book.nonce > (this.orderbooks[book.symbol]?.nonce ?? -1)) {
      this.orderbooks[book.symbol] = book;
    }
    client.resolve(this.orderbooks[book.symbol], `${channel}:book`);
  }

  async watchTrades(symbol, since = undefined, limit = undefined, params = {}) {
    const channel = await this.#marketChannel(symbol);
    const list = { path: "trades", api: "public", request: { symbol: this.marketId(symbol) } };
    const rows = await this.#watchRows(channel, `${channel}:trades`, list, params);
    return this.parseTrades(rows, this.market(symbol), since, limit);
  }

  async watchOrders(symbol = undefined, since = undefined, limit = undefined, params = {}) {
    const list = { path: "my-orders", api: "private", request: {}, version: "updated_at" };
    const rows = await this.#watchUser("orders", list, symbol, params);
    return this.parseOrders(rows, undefined, since, limit);
  }

  async watchMyTrades(symbol = undefined, since = undefined, limit = undefined, params = {}) {
    const list = { path: "my-trades", api: "private", request: {} };
    const rows = await this.#watchUser("myTrades", list, symbol, params);
    return this.parseTrades(rows, undefined, since, limit);
  }

  async #marketChannel(symbol) {
    await this.loadMarkets();
    return `market.${this.marketId(symbol).replace("/", "-")}`;
  }

  async #watchUser(name, list, symbol, params) {
    await this.loadMarkets();
    const { user_channels: patterns, event_names: names } = await this.configuration();
    const pattern = patterns.find((name) => !name.startsWith(ENCRYPTED));
    if (pattern === undefined) {
      throw new ccxt.NotSupported(`${this.id} publishes the user's events encrypted only`);
    }
    this.#userId ??= this.safeString((await this.privateGetUser()).data, "id");
    this.#matched = names?.["order.matched"] ?? "order.matched";
    const channel = pattern.replace("{id}", this.#userId);
    const id = symbol === undefined ? undefined : this.marketId(symbol);
    const hash = `${channel}:${name}${id === undefined ? "" : `:${id}`}`;
    list = { ...list, request: id === undefined ? {} : { symbol: id } };
    return await this.#watchRows(channel, hash, list, params);
  }

  async #watchRows(channel, hash, list, params) {
    const pending = this.#pending[hash];
    if (pending?.length > 0) return pending.splice(0);
    list = { ...list, request: { ...list.request, ...params } };
    this.#known[hash] ??= new KnownRows(this, list);
    const known = this.#known[hash];
    const before = async () => await known.begin();
    const after = async (client) => this.#report(client, hash, await known.fetchNew());
    return await this.watchChannel(channel, hash, before, after);
  }

  // The connection may have been replaced since the rows were requested.
  #report({ url }, hash, rows) {
    const pending = (this.#pending[hash] ??= []);
    pending.push(...rows);
    pending.splice(0, pending.length - this.safeInteger(this.options, "updatesLimit", 1000));
    const client = this.clients[url];
    if (pending.length > 0 && client && hash in client.futures) {
      client.resolve(pending.splice(0), hash);
    }
  }

  handleEvent(client, channel, event, data) {
    if (event === "book.updated" && `${channel}:book` in client.subscriptions) {
      const symbol = this.safeSymbol(this.safeString(data, "symbol"));
      this.#updateBook(client, channel, this.parseBook(data, symbol));
    } else if (event === "trade.executed") {
      this.#handleRow(client, `${channel}:trades`, data);
    } else if (event === "order.updated" || event === this.#matched) {
      // These say that something has changed. The API has all of it: times, averages, commissions.
      const name = event === "order.updated" ? "orders" : "myTrades";
      const id = this.safeString(data, "symbol");
      for (const hash of [`${channel}:${name}`, `${channel}:${name}:${id}`]) {
        if (hash in client.subscriptions) {
          const orderId = this.safeString(data, "order_id");
          if (orderId === undefined) this.spawn(this.fetchRowsOf, client, hash);
          else this.spawn(this.fetchOrderOf, client, hash, orderId);
        }
      }
    }
  }

  #handleRow(client, hash, row) {
    if (!(hash in client.subscriptions)) return;
    const distance = this.#known[hash].distance(row);
    if (distance === 1) {
      this.#report(client, hash, this.#known[hash].add([row]));
    } else if (distance > 1) {
      this.spawn(this.fetchRowsOf, client, hash);
    }
  }

  async fetchOrderOf(client, hash, orderId) {
    try {
      this.#report(client, hash, await this.#known[hash].fetchOrder(orderId));
    } catch (error) {
      this.abandon(client, error);
    }
  }

  // Of several events during a request, one more request finds the rows of all.
  async fetchRowsOf(client, hash) {
    const known = this.#known[hash];
    known.isOutdated = true;
    if (known.isFetching) return;
    known.isFetching = true;
    try {
      while (known.isOutdated) {
        known.isOutdated = false;
        const limit = this.safeInteger(this.options, "eventLimit", 20);
        this.#report(client, hash, await known.fetchNew(limit));
      }
    } catch (error) {
      this.abandon(client, error);
    } finally {
      known.isFetching = false;
    }
  }
}
