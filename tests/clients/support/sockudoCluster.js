// Two Sockudo nodes that share their messages by Redis, behind HAProxy: the address of the provider
// for pages and for matchcast. It is used in place of a single Sockudo.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Process, resources } from "./process.js";
import { Sockudo } from "./sockudo.js";

class Redis extends Process {
  constructor() {
    super("Redis");
  }

  command() {
    return {
      program: "redis-server",
      parameters: ["--bind", this.host, "--port", String(this.port), "--save", ""],
      variables: {},
    };
  }

  isReady() {
    return new Promise((resolve) => {
      const socket = connect(this.port, this.host, () => socket.write("PING\r\n"));
      socket.once("data", (text) => resolve(String(text).startsWith("+PONG")));
      socket.once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
    });
  }
}

class Node extends Sockudo {
  #redis;

  constructor(app, directory, redis) {
    super(app, directory);
    this.#redis = redis;
  }

  command() {
    const command = super.command();
    const variables = Object.entries(command.variables);
    // The app is in the file, because variables cannot give it webhooks.
    const others = variables.filter(([name]) => !name.startsWith("SOCKUDO_DEFAULT_APP_"));
    return {
      ...command,
      variables: {
        ...Object.fromEntries(others),
        ADAPTER_DRIVER: "redis",
        ADAPTER_FALLBACK_TO_LOCAL: "false",
        CACHE_DRIVER: "redis",
        DATABASE_REDIS_HOST: this.#redis.host,
        DATABASE_REDIS_PORT: String(this.#redis.port),
      },
    };
  }
}

export class SockudoCluster extends Process {
  redis = new Redis();
  nodes;
  directory = mkdtempSync(join(tmpdir(), "matchcast-sockudo-"));
  #webhookUrl;

  // The nodes post `channel_occupied` and `channel_vacated` to the URL that `webhookUrl` returns.
  constructor(app, webhookUrl) {
    super("HAProxy", `/up/${app.id}`);
    this.app = app;
    this.#webhookUrl = webhookUrl;
    this.nodes = [1, 2].map((number) => {
      const directory = join(this.directory, `node-${number}`);
      mkdirSync(join(directory, "config"), { recursive: true });
      return new Node(app, directory, this.redis);
    });
    resources.add(this);
  }

  #writeNodeConfig(node) {
    const { id, key, secret } = this.app;
    const text = `[app_manager]
driver = "memory"
[[app_manager.array.apps]]
id = "${id}"
key = "${key}"
secret = "${secret}"
enabled = true
[app_manager.array.apps.policy.limits]
max_connections = 100000
max_client_events_per_second = 1000
max_backend_events_per_second = 100000
max_read_requests_per_second = 1000
[app_manager.array.apps.policy.features]
enable_user_authentication = true
[[app_manager.array.apps.policy.webhooks]]
url = "${this.#webhookUrl()}"
event_types = ["channel_occupied", "channel_vacated"]
`;
    const number = this.nodes.indexOf(node) + 1;
    writeFileSync(join(this.directory, `node-${number}`, "config", "config.toml"), text);
  }

  command() {
    const file = join(this.directory, "haproxy.cfg");
    const server = (node, index) =>
      `  server node${index + 1} ${node.host}:${node.port} check inter 200 fall 2 rise 1 ` +
      "on-marked-down shutdown-sessions";
    writeFileSync(
      file,
      `defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  retries 0
frontend provider
  bind ${this.host}:${this.port}
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /up/${this.app.id}
${this.nodes.map(server).join("\n")}
`,
    );
    return { program: "haproxy", parameters: ["-db", "-f", file], variables: {} };
  }

  async start() {
    await this.redis.start();
    for (const node of this.nodes) {
      this.#writeNodeConfig(node);
      await node.start();
    }
    await super.start();
  }

  async stop() {
    await super.stop();
    for (const node of this.nodes) await node.kill();
    await this.redis.kill();
  }

  async kill() {
    await super.kill();
    for (const node of this.nodes) await node.kill();
    await this.redis.kill();
    await this.drop();
  }

  async drop() {
    await rm(this.directory, { recursive: true, force: true });
    resources.delete(this);
  }
}

