"""Runs the grid bot of clients/ccxt/examples: the parameters are the host name and the steps."""

import asyncio
import json
import sys

from grid_bot import run_grid
from matchcast_ccxt.pro import matchcast


def open_exchange(hostname, name):
    return matchcast({
        'hostname': hostname,
        'login': name + '@example.com',
        'password': 'password',
        'enableRateLimit': False,
        'number': str,
    })


async def main(hostname, steps):
    exchange, trader = (open_exchange(hostname, name) for name in ('alice', 'bob'))
    try:
        print(json.dumps(await run_grid(exchange, trader, int(steps))))
    finally:
        await exchange.close()
        await trader.close()


asyncio.run(main(*sys.argv[1:]))
