"""Publishes one event and signs one channel with Pusher's Python library.

Takes its task as JSON in the first argument and prints the signature as JSON. An answer of the
server other than 200 is an exception of the library and so a failing exit code.
"""

import json
import sys

import pusher

task = json.loads(sys.argv[1])
client = pusher.Pusher(
    app_id=task["id"],
    key=task["key"],
    secret=task["secret"],
    host=task["host"],
    port=task["port"],
    ssl=False,
    timeout=10,
)
client.trigger(task["channel"], task["event"], task["data"])
print(json.dumps(client.authenticate(task["channel"], task["socket_id"])))
