// The rows of one of the server's lists that were reported already, and how to get the others.

const CAPACITY = 10_000;
const MAX_PAGES = 50;

export class KnownRows {
  #exchange;
  #list;
  #versions = new Map();
  #lastSequence = 0;
  #begun;
  // Set by the one who calls fetchNew() for events.
  isFetching = false;
  isOutdated = false;

  // `list` has the path, the api and the request of the list and, if its rows change, the name of
  // the field that increases with every change.
  constructor(exchange, list) {
    this.#exchange = exchange;
    this.#list = list;
  }

  // Reads what is there before the first subscription: everything later is new.
  async begin() {
    this.#begun ??= this.#page({}).then(({ rows }) => this.add(rows));
    try {
      await this.#begun;
    } catch (error) {
      this.#begun = undefined;
      throw error;
    }
  }

  async #page(parameters) {
    const { path, api, request } = this.#list;
    const limit = this.#exchange.safeInteger(this.#exchange.options, "syncLimit", 100);
    // `parameters` may have another limit.
    const query = { limit, ...request, ...parameters };
    const response = await this.#exchange.request(path, api, "GET", query);
    return { rows: response.data, cursor: this.#exchange.nextCursor(response) };
  }

  #key(row) {
    return this.#exchange.safeString2(row, "id", "trade_id");
  }

  // Times are ISO 8601 in UTC with the same number of digits, so their text has their order.
  #isNew(row) {
    const known = this.#versions.get(this.#key(row));
    const { version } = this.#list;
    return known === undefined || (version !== undefined && row[version] > known);
  }

  // How far one of a market's trades is after the last one: 1 if none is missing in between.
  distance(row) {
    return this.#exchange.safeInteger(row, "sequence") - this.#lastSequence;
  }

  // Adds rows, the oldest first, and returns the new ones among them.
  add(rows) {
    const added = rows.filter((row) => this.#isNew(row));
    for (const row of added) {
      this.#versions.delete(this.#key(row));
      this.#versions.set(this.#key(row), row[this.#list.version] ?? "");
      const sequence = this.#exchange.safeInteger(row, "sequence", 0);
      this.#lastSequence = Math.max(this.#lastSequence, sequence);
    }
    for (const key of this.#versions.keys()) {
      if (this.#versions.size <= CAPACITY) break;
      this.#versions.delete(key);
    }
    return added;
  }

  // Reads pages, the newest first, until one has a row that is known.
  async fetchNew(limit = undefined) {
    const found = [];
    let cursor;
    for (let count = 0; count < MAX_PAGES; count++) {
      const page = await this.#page({ ...(limit && { limit }), ...(cursor && { cursor }) });
      found.push(...page.rows);
      cursor = page.cursor;
      const isKnown = page.rows.some((row) => this.#versions.has(this.#key(row)));
      if (isKnown || cursor === undefined) break;
    }
    return this.add(found.reverse());
  }

  async fetchOrder(id) {
    const response = await this.#exchange.privateGetOrdersId({ id });
    return this.add([response.data.order]);
  }
}
