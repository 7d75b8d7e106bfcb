// Publishes events with the official SDK. Reads the input as JSON from standard input and writes a
// summary of the calls to standard output. The SDK comes from the client tests, in the version of
// their lock file.
import http from "node:http";
import { createRequire } from "node:module";
import { json } from "node:stream/consumers";

const require = createRequire(new URL("../../tests/clients/package.json", import.meta.url));
const Pusher = require("pusher");

const MAX_BATCH_LEN = 10;

const { app, mode, duration_ms: durationMs, events } = await json(process.stdin);
const summary = { accepted: 0, failed: 0, error: null };
const start = performance.now();
const hasTime = () => performance.now() - start < durationMs;

// By default the SDK uses Node's global agent, which since Node 19 keeps idle connections open for
// a few seconds. The keep-alive agent keeps all of them.
const client = (agent) => new Pusher({ ...app, useTLS: false, agent });
const keepAliveClient = () => client(new http.Agent({ keepAlive: true, maxSockets: Infinity }));

async function call(count, promise) {
  try {
    await promise;
    summary.accepted += count;
  } catch (error) {
    summary.failed += count;
    // The error's message would contain the signed URL.
    summary.error ??= String(error.error?.code ?? error.status ?? error);
  }
}

const trigger = (sdk, [channel, name, data]) => call(1, sdk.trigger(channel, name, data));

const modes = {
  async awaited() {
    const sdk = client();
    for (const event of events) {
      if (!hasTime()) break;
      await trigger(sdk, event);
    }
  },
  async concurrent(sdk = client()) {
    await Promise.all(events.map((event) => trigger(sdk, event)));
  },
  concurrentKeepAlive: () => modes.concurrent(keepAliveClient()),
  // The events of a channel one after another, all channels concurrently.
  async awaitedPerChannel() {
    const sdk = keepAliveClient();
    await Promise.all(
      eventsByChannel().map(async (channelEvents) => {
        for (const event of channelEvents) await trigger(sdk, event);
      }),
    );
  },
  async batchesAwaited() {
    const sdk = client();
    for (let first = 0; first < events.length && hasTime(); first += MAX_BATCH_LEN) {
      const batch = events
        .slice(first, first + MAX_BATCH_LEN)
        .map(([channel, name, data]) => ({ channel, name, data }));
      await call(batch.length, sdk.triggerBatch(batch));
    }
  },
};

function eventsByChannel() {
  const channels = new Map();
  for (const event of events) {
    const [channel] = event;
    if (!channels.has(channel)) channels.set(channel, []);
    channels.get(channel).push(event);
  }
  return [...channels.values()];
}

await modes[mode]();
summary.elapsed_ms = performance.now() - start;
process.stdout.write(JSON.stringify(summary));
process.exit(0);
