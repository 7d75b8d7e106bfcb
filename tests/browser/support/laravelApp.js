// A Laravel backend, as far as the page in laravel-page and the import need it: its API with tokens
// and channel authorization, `php artisan down`, and its database in SQLite.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { sdk } from "../../clients/support/pages.js";
import { PUSHER_APP } from "./production.js";

const run = promisify(execFile);
const TIME = "2026-03-01 10:20:30";
// The hash of `password` in Laravel's factories.
const BCRYPT = "$2y$10$92IXUNpkjO0rOQ5byMi.Ye4oKoEa3Ro9llC/.og/at2.uheWG/igi";
export const PASSWORD = "password";

// Alice has an order: 5,075 of her 10,000 USD are reserved for it.
const USERS = [
  { id: 1, name: "Alice", email: "alice@trade.example", balance: "4925.00000000", btc: "0" },
  { id: 2, name: "Bob", email: "bob@trade.example", balance: "10000.00000000", btc: "0.5" },
];
const ORDER = { id: 1, user_id: 1, symbol: "BTC", side: "buy", price: "50000", amount: "0.1" };
const secretOf = ({ id }) => `secretOfTheLaravelTokenOfTheUser${String(id).padStart(8, "0")}`;
export const tokenOf = (user) => `${user.id + 10}|${secretOf(user)}`;
export const [ALICE] = USERS;

// The tables of Laravel's migrations, in short.
const SQL = `
  CREATE TABLE users (id integer PRIMARY KEY, name varchar, email varchar, balance numeric,
    password varchar, created_at datetime, updated_at datetime);
  CREATE TABLE personal_access_tokens (id integer PRIMARY KEY, tokenable_type varchar,
    tokenable_id integer, name varchar, token varchar, abilities text, last_used_at datetime,
    expires_at datetime, created_at datetime);
  CREATE TABLE assets (id integer PRIMARY KEY, user_id integer, symbol varchar, amount numeric,
    locked_amount numeric);
  CREATE TABLE orders (id integer PRIMARY KEY, user_id integer, symbol varchar, side varchar,
    price numeric, amount numeric, filled_amount numeric, status integer, created_at datetime,
    updated_at datetime);
  ${USERS.map((user) => {
    const { id, name, email, balance, btc } = user;
    const hash = createHash("sha256").update(secretOf(user)).digest("hex");
    return `
  INSERT INTO users VALUES (${id}, '${name}', '${email}', ${balance}, '${BCRYPT}', '${TIME}',
    '${TIME}');
  INSERT INTO personal_access_tokens VALUES (${id + 10}, 'App\\Models\\User', ${id}, 'web',
    '${hash}', '["*"]', NULL, NULL, '${TIME}');
  INSERT INTO assets VALUES (${id}, ${id}, 'BTC', ${btc}, 0);`;
  }).join("")}
  INSERT INTO orders VALUES (${ORDER.id}, ${ORDER.user_id}, '${ORDER.symbol}', '${ORDER.side}',
    ${ORDER.price}, ${ORDER.amount}, 0, 1, '${TIME}', '${TIME}');
`;
const PYTHON = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])";

export class LaravelApp {
  // After `php artisan down`.
  isDown = false;
  host = "127.0.0.1";
  #server = createServer((request, response) => this.#respond(request, response));
  #library;

  // `pusher` is where the app publishes; `directory` gets the database.
  static async start(pusher, directory) {
    const laravel = new LaravelApp();
    laravel.#library = sdk({ provider: { host: pusher.host, port: pusher.port, app: PUSHER_APP } });
    const path = join(directory, "laravel.sqlite");
    await run("python3", ["-c", PYTHON, path, SQL]);
    laravel.databaseUrl = `sqlite://${path}`;
    laravel.#server.listen(0, laravel.host);
    await once(laravel.#server, "listening");
    laravel.port = laravel.#server.address().port;
    return laravel;
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #respond(request, response) {
    const body = await text(request);
    const { status, json } = this.isDown
      ? { status: 503, json: { message: "Service Unavailable" } }
      : this.#route(request, body);
    response.writeHead(status, { "Content-Type": "application/json", "X-Powered-By": "PHP/8.3" });
    response.end(JSON.stringify(json));
  }

  #route({ method, url, headers }, body) {
    if (url === "/api/login") {
      const user = USERS.find(({ email }) => email === JSON.parse(body).email);
      return { status: 200, json: { data: { user, token: tokenOf(user) } } };
    }
    const user = USERS.find((each) => headers.authorization === `Bearer ${tokenOf(each)}`);
    if (!user) return { status: 401, json: { message: "Unauthenticated." } };
    switch (`${method} ${url}`) {
      case "GET /api/user":
        return { status: 200, json: { data: user } };
      case "GET /api/my-orders":
        return {
          status: 200,
          json: { data: user.id === ORDER.user_id ? [{ id: 1, status: 1 }] : [] },
        };
      case "POST /api/broadcasting/auth": {
        const fields = new URLSearchParams(body);
        const [socketId, channel] = [fields.get("socket_id"), fields.get("channel_name")];
        return { status: 200, json: this.#library.authorizeChannel(socketId, channel) };
      }
      default:
        return { status: 404, json: { message: "Not Found" } };
    }
  }
}
