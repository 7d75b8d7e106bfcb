"""Publishes one event and signs one channel with Pusher's Python library.

The first argument is the task as JSON; the output is the signature as JSON. For a response status
other than 200 the library raises an exception, and the script fails.
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
