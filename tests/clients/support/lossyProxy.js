// A proxy in front of the server that loses responses: it closes the connection instead.
import { once } from "node:events";
import { createServer, request } from "node:http";

export class LossyProxy {
  #server;
  host = "127.0.0.1";
  // How many of the next responses to requests that match `method` and `path` are lost.
  lost = 0;
  keys = [];

  constructor(target, method, path) {
    this.#server = createServer((incoming, outgoing) => {
      const { method: ownMethod, url, headers } = incoming;
      const options = {
        host: target.host,
        port: target.port,
        path: url,
        method: ownMethod,
        headers,
      };
      const forwarded = request(options, (response) => {
        if (ownMethod === method && url === path) {
          this.keys.push(headers["idempotency-key"]);
          if (this.lost > 0) {
            this.lost--;
            response.resume().on("end", () => incoming.socket.destroy());
            return;
          }
        }
        outgoing.writeHead(response.statusCode, response.headers);
        response.pipe(outgoing);
      });
      forwarded.on("error", () => incoming.socket.destroy());
      incoming.pipe(forwarded);
    });
  }

  async start() {
    this.#server.listen(0, this.host);
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
