// A provider that verifies the signature of each request and records its events in order.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { resources } from "../support/process.js";

const CLOCK_TOLERANCE_S = 600;

export class Provider {
  host = "127.0.0.1";
  app = { id: "4711", key: "key-of-the-lab", secret: "5ecret-0f-the-lab" };
  // Events in the order of their arrival: { at, channel, name, data }.
  events = [];
  // What was wrong with requests.
  rejected = [];
  #server = createServer((request, response) => this.#handle(request, response));

  async start() {
    resources.add(this);
    this.#server.listen(0, this.host);
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
  }

  async #handle(request, response) {
    const body = Buffer.concat(await request.toArray());
    const problem = this.#problem(request, body);
    if (problem) {
      this.rejected.push(problem);
      response.writeHead(401).end(problem);
      return;
    }
    const at = Date.now();
    for (const { name, channel, data } of this.#eventsOf(request, body)) {
      this.events.push({ at, channel, name, data: JSON.parse(data) });
    }
    response.writeHead(200, { "Content-Type": "application/json" }).end("{}");
  }

  #eventsOf(request, body) {
    const content = JSON.parse(body);
    if (content.batch) return content.batch;
    return content.channels.map((channel) => ({ ...content, channel }));
  }

  // Returns a sentence if the request is not one of the app, for the paths that publish.
  #problem(request, body) {
    const { pathname, searchParams } = new URL(request.url, "http://provider");
    const paths = ["events", "batch_events"].map((name) => `/apps/${this.app.id}/${name}`);
    if (request.method !== "POST" || !paths.includes(pathname)) {
      return `unexpected request ${request.method} ${pathname}`;
    }
    const given = searchParams.get("auth_signature") ?? "";
    searchParams.delete("auth_signature");
    const parameters = [...searchParams].sort(([a], [b]) => (a < b ? -1 : 1));
    const query = parameters.map(([name, value]) => `${name}=${value}`).join("&");
    const text = ["POST", pathname, query].join("\n");
    const expected = createHmac("sha256", this.app.secret).update(text).digest("hex");
    if (given.length !== expected.length) return "invalid signature";
    if (!timingSafeEqual(Buffer.from(given), Buffer.from(expected))) return "invalid signature";
    if (searchParams.get("auth_key") !== this.app.key) return "unknown key";
    const md5 = createHash("md5").update(body).digest("hex");
    if (searchParams.get("body_md5") !== md5) return "the hash of the body is wrong";
    const age = Math.abs(Date.now() / 1000 - Number(searchParams.get("auth_timestamp")));
    return age <= CLOCK_TOLERANCE_S ? undefined : "the request is too old";
  }

  async drop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    resources.delete(this);
  }
}
