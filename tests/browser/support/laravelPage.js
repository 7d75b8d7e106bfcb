// The build of the page in laravel-page, as Vite makes it: with the real pusher-js and Laravel
// Echo, and with settings that are fixed when it is built.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// The packages of the client tests.
const packages = createRequire(new URL("../../clients/package.json", import.meta.url));
const PUSHER = packages.resolve("pusher-js/dist/web/pusher.min.js");
const ECHO = join(dirname(packages.resolve("laravel-echo")), "echo.js");

// How such pages connect, as source text: to hosted Pusher, or to a host of the operator, as
// Laravel's `bootstrap.js` does it.
export const HOSTED = `{ cluster: "mt1", forceTLS: true }`;
export const selfHosted = (host) => `{
  cluster: "mt1",
  wsHost: ${host},
  wsPort: 80,
  wssPort: 443,
  forceTLS: true,
  enabledTransports: ["ws", "wss"],
}`;

const read = (name) => readFileSync(new URL(`../laravel-page/${name}`, import.meta.url), "utf8");

// The files by their paths. `key` is that of the Pusher app, and `api` the address of the API.
export function pageBuild({ key, api = "/api", connection = HOSTED, usesCookies = false }) {
  const settings = `
    export const KEY = ${JSON.stringify(key)};
    export const API = ${JSON.stringify(api)};
    export const USES_COOKIES = ${usesCookies};
    export const CONNECTION = ${connection};
  `;
  return {
    "index.html": read("index.html"),
    "assets/app-1a2b3c4d.js": read("app.js"),
    "assets/echo-2b7c90aa.js": readFileSync(ECHO, "utf8"),
    "assets/pusher-8c1f02d7.js": readFileSync(PUSHER, "utf8"),
    "assets/settings-0f9e8d7c.js": settings,
  };
}
