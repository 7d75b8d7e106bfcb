// Publishes events with the official SDK, as programs call it. The task comes as JSON on standard
// input, the account of what became of it goes to standard output. The SDK is the one of the client
// tests, in the version that their lock file names.
import http from "node:http";
import { createRequire } from "node:module";
import { json } from "node:stream/consumers";

const require = createRequire(new URL("../../tests/clients/package.json", import.meta.url));
const Pusher = require("pusher");

const MOST_IN_A_BATCH = 10;

const { app, way, ms, events } = await json(process.stdin);
const account = { accepted: 0, failed: 0, error: null };
const start = performance.now();
const inTime = () => performance.now() - start < ms;

// The SDK by itself leaves connections to Node's own agent, which since Node 19 keeps them for some
// seconds. This one keeps all of them.
const library = (agent) => new Pusher({ ...app, useTLS: false, agent });
const keeping = () => library(new http.Agent({ keepAlive: true, maxSockets: Infinity }));

async function call(count, promise) {
  try {
    await promise;
    account.accepted += count;
  } catch (error) {
    account.failed += count;
    // Its message would carry the signed URL.
    account.error ??= String(error.error?.code ?? error.status ?? error);
  }
}

const trigger = (sdk, [channel, name, data]) => call(1, sdk.trigger(channel, name, data));

const ways = {
  async awaited() {
    const sdk = library();
    for (const event of events) {
      if (!inTime()) break;
      await trigger(sdk, event);
    }
  },
  async allAtOnce(sdk = library()) {
    await Promise.all(events.map((event) => trigger(sdk, event)));
  },
  allAtOnceKeptAlive: () => ways.allAtOnce(keeping()),
  // Each channel in its order, all channels at once.
  async awaitedPerChannel() {
    const sdk = keeping();
    await Promise.all(
      byChannel().map(async (own) => {
        for (const event of own) await trigger(sdk, event);
      }),
    );
  },
  async batchesAwaited() {
    const sdk = library();
    for (let first = 0; first < events.length && inTime(); first += MOST_IN_A_BATCH) {
      const batch = events
        .slice(first, first + MOST_IN_A_BATCH)
        .map(([channel, name, data]) => ({ channel, name, data }));
      await call(batch.length, sdk.triggerBatch(batch));
    }
  },
};

function byChannel() {
  const channels = new Map();
  for (const event of events) {
    const [channel] = event;
    if (!channels.has(channel)) channels.set(channel, []);
    channels.get(channel).push(event);
  }
  return [...channels.values()];
}

await ways[way]();
account.elapsed_ms = performance.now() - start;
process.stdout.write(JSON.stringify(account));
process.exit(0);
