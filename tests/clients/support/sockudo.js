// Sockudo, a server of Pusher's protocol that is not ours, with one app and all of it in memory.
// Set up by the variables of docker-compose.yml, so that what is tested is what is recommended.
import { Process } from "./process.js";

// The binary, when the tests shall run with Sockudo instead of the embedded provider.
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
      // It reads config/config.toml from here, when there is one.
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
        // matchcast needs no client events; the tests of the protocol do.
        SOCKUDO_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: "true",
        // Nobody stands before it who would have to notice that it goes.
        SHUTDOWN_GRACE_PERIOD: "0",
      },
    };
  }
}
