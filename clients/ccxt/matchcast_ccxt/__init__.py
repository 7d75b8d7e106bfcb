"""The exchange class matchcast for ccxt: this one waits, that of `matchcast_ccxt.pro` is async."""

import ccxt

from .calls import Calls
from .mapping import Mapping
from .request import finish


class matchcast(Calls, Mapping, ccxt.Exchange):
    """The calls of ccxt, as in `ccxt.kraken`."""

    def run(self, steps):
        """Runs a call of `Calls`: each step is a result already."""
        value = None
        while True:
            try:
                value = steps.send(value)
            except StopIteration as end:
                return end.value

    def request(self, path, api='public', method='GET', params={}, headers=None, body=None,
                config={}):
        if api == 'private':
            if not self.token and not self.apiKey:
                self.sign_in()
            headers = finish(method, headers)
        return super().request(path, api, method, params, headers, body, config)
