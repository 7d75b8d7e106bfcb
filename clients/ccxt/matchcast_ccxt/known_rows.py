"""The rows of one of the server's lists that were reported already, and how to get the others."""

CAPACITY = 10_000
MAX_PAGES = 50


class KnownRows:

    def __init__(self, exchange, path, api, request, version=None):
        """`version` is the field that increases with every change, if the rows change."""
        self.exchange = exchange
        self.list = (path, api)
        self.request = request
        self.version = version
        self.versions = {}
        self.last_sequence = 0
        self.has_begun = False
        # Set by the one who calls fetch_new() for events.
        self.is_fetching = False
        self.is_outdated = False

    async def begin(self):
        """Reads what is there before the first subscription: everything later is new."""
        if not self.has_begun:
            rows, _ = await self.page({})
            self.add(rows)
            self.has_begun = True

    async def page(self, parameters):
        limit = self.exchange.safe_integer(self.exchange.options, 'syncLimit', 100)
        query = {'limit': limit, **self.request, **parameters}
        response = await self.exchange.request(*self.list, 'GET', query)
        return response['data'], self.exchange.next_cursor(response)

    def key(self, row):
        return self.exchange.safe_string_2(row, 'id', 'trade_id')

    def is_new(self, row):
        # Times are ISO 8601 in UTC with the same number of digits, so their text has their order.
        known = self.versions.get(self.key(row))
        return known is None or (self.version is not None and row[self.version] > known)

    def distance(self, row):
        """How far one of a market's trades is after the last one: 1 if none is missing between."""
        return self.exchange.safe_integer(row, 'sequence') - self.last_sequence

    def add(self, rows):
        """Adds rows, the oldest first, and returns the new ones among them."""
        added = [row for row in rows if self.is_new(row)]
        for row in added:
            self.versions.pop(self.key(row), None)
            self.versions[self.key(row)] = row.get(self.version, '')
            sequence = self.exchange.safe_integer(row, 'sequence', 0)
            self.last_sequence = max(self.last_sequence, sequence)
        while len(self.versions) > CAPACITY:
            del self.versions[next(iter(self.versions))]
        return added

    async def fetch_new(self, limit=None):
        """Reads pages, the newest first, until one has a row that is known."""
        found = []
        parameters = {} if limit is None else {'limit': limit}
        for _ in range(MAX_PAGES):
            rows, cursor = await self.page(parameters)
            found.extend(rows)
            if cursor is None or any(self.key(row) in self.versions for row in rows):
                break
            parameters['cursor'] = cursor
        return self.add(list(reversed(found)))

    async def fetch_order(self, id):
        response = await self.exchange.private_get_orders_id({'id': id})
        return self.add([response['data']['order']])
