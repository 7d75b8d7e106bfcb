// An HTTP proxy with the failures for which clients repeat requests. It loses the response to the
// first request with each Idempotency-Key after the server has executed it, and answers the second
// one with 503. All other requests pass.
import { createServer, request } from "node:http";
import { resources } from "./process.js";

export class UnreliableProxy {
  #attempts = new Map();
  #server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing));

  constructor(target) {
    this.target = target;
  }

  // How often the requests of each key were sent.
  get attempts() {
    return [...this.#attempts.values()];
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  async start() {
    resources.add(this);
    await new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
  }

  #handle(incoming, outgoing) {
    const key = incoming.headers["idempotency-key"];
    const attempt = (this.#attempts.get(key) ?? 0) + 1;
    if (key) this.#attempts.set(key, attempt);
    if (key && attempt === 2) {
      incoming.resume();
      outgoing.writeHead(503, { "Retry-After": "1" }).end("busy");
      return;
    }
    const { method, url, headers } = incoming;
    const forwarded = request(this.target + url, { method, headers }, (response) => {
      response.on("error", () => outgoing.destroy());
      if (key && attempt === 1) {
        response.resume().once("end", () => outgoing.destroy());
      } else {
        outgoing.writeHead(response.statusCode, response.headers);
        response.pipe(outgoing);
      }
    });
    forwarded.on("error", () => outgoing.destroy());
    incoming.pipe(forwarded);
  }

  async drop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    resources.delete(this);
  }
}
