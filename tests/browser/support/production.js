// matchcast as it replaces a Laravel backend: with APP_ENV=production, behind nginx with TLS, and
// with a Pusher app that it reaches over HTTPS.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { logsFolder } from "../../clients/support/process.js";
import { Server, app, sqliteDatabase } from "../../clients/support/server.js";

export const PUSHER_APP = { id: "1234567", key: "6f1d2c3b4a59687f0e1d", secret: app.secret };
export const PASSWORD = "a password of the tests";

// Stands in for hosted Pusher: the embedded provider of another process, with this app.
export async function startPusher() {
  const { id, key } = PUSHER_APP;
  const settings = { BROADCAST_CONNECTION: "embedded", PUSHER_APP_ID: id, PUSHER_APP_KEY: key };
  const pusher = new Server(await sqliteDatabase(), settings);
  await pusher.start();
  return pusher;
}

// Not started yet. The .env lines of the README; `site` has Pusher's names.
export async function productionServer(site, settings = {}) {
  const key = randomBytes(32).toString("base64");
  if (logsFolder) appendFileSync(join(logsFolder, "known-secrets"), `${key}\n`);
  return new Server(await sqliteDatabase(), {
    APP_ENV: "production",
    APP_KEY: `base64:${key}`,
    PUSHER_APP_ID: PUSHER_APP.id,
    PUSHER_APP_KEY: PUSHER_APP.key,
    PUSHER_APP_SECRET: PUSHER_APP.secret,
    PUSHER_HOST: "localhost",
    PUSHER_PORT: String(site.port),
    PUSHER_SCHEME: "https",
    SSL_CERT_FILE: site.certificate,
    ...settings,
  });
}

// A user with money.
export async function register(server, name) {
  const email = `${name.toLowerCase()}@trade.example`;
  const response = await fetch(`${server.url}/api/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name, email, password: PASSWORD, password_confirmation: PASSWORD }),
  });
  assert.equal(response.status, 201, await response.text());
  for (const [asset, amount] of [
    ["USD", "10000"],
    ["BTC", "1"],
  ]) {
    const reference = `${name} ${asset}`;
    await server.execute(["deposit", email, asset, amount, "--reference", reference]);
  }
  return { name, email };
}
