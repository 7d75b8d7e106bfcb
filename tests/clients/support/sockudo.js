// Sockudo, a third-party server of the Pusher protocol, with one app and in-memory storage. It uses
// the variables of docker-compose.yml, so that the tests cover the recommended setup.
import { Process } from "./process.js";

// The path of the binary, if the tests run with Sockudo instead of the embedded provider.
export const sockudoBinary = process.env.MATCHCAST_SOCKUDO;

export class Sockudo extends Process {
  #directory;

  constructor(app, directory) {
    super("Sockudo", `/up/${app.id}`);
    this.app = app;
    this.#directory = directory;
  }

  command() {
    return {
      program: sockudoBinary,
      parameters: [],
      // Sockudo reads config/config.toml from here if it exists.
      directory: this.#directory,
      variables: {
        HOST: this.host,
        PORT: String(this.port),
        METRICS_ENABLED: "false",
        ADAPTER_DRIVER: "local",
        APP_MANAGER_DRIVER: "memory",
        CACHE_DRIVER: "memory",
        QUEUE_DRIVER: "memory",
        RATE_LIMITER_ENABLED: "false",
        SOCKUDO_DEFAULT_APP_ID: this.app.id,
        SOCKUDO_DEFAULT_APP_KEY: this.app.key,
        SOCKUDO_DEFAULT_APP_SECRET: this.app.secret,
        SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS: "100000",
        SOCKUDO_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SECOND: "100000",
        SOCKUDO_DEFAULT_APP_MAX_READ_REQUESTS_PER_SECOND: "1000",
        SOCKUDO_DEFAULT_APP_ENABLE_USER_AUTHENTICATION: "true",
        // Only the tests of the protocol need client events.
        SOCKUDO_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: "true",
        // There is no load balancer that has to be drained.
        SHUTDOWN_GRACE_PERIOD: "0",
      },
    };
  }
}
