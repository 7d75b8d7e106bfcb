// nginx with TLS, as operators run it: a master process, workers, and the server blocks of
// docs/FROM-LARAVEL.md. Only addresses and paths of files differ. Chromium resolves the names in
// them to this nginx, no other name to anything, and accepts the certificate of the site.
import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { NginxProcess, snippetPath } from "../../clients/support/nginx.js";
import { waitUntil } from "../../clients/support/waitUntil.js";
import { FLAGS } from "./browser.js";

const run = promisify(execFile);
const RUNBOOK = new URL("../../../docs/FROM-LARAVEL.md", import.meta.url);

const WORKERS = 2;
export const PAGE = "https://trade.example";
// Hosted Pusher in the cluster mt1: the WebSocket of pusher-js, and its fallback.
const PUSHER_NAMES = ["localhost", "ws-mt1.pusher.com", "sockjs-mt1.pusher.com"];
const NAMES = ["trade.example", "*.trade.example", ...PUSHER_NAMES];

export class TlsSite extends NginxProcess {
  // Shows what the workers do.
  logLevel = "notice";
  #pusher;
  #blocks = "";

  // `pusher` stands in for hosted Pusher, at its names. It is also the upstream of websocket.conf.
  static async start(pusher) {
    const site = new TlsSite("/ready");
    site.#pusher = pusher;
    await run("openssl", [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" "),
      ...["-subj", "/CN=trade.example", "-keyout", site.key, "-out", site.certificate],
      ...["-addext", `subjectAltName=${NAMES.map((name) => `DNS:${name}`)}`],
    ]);
    await site.start();
    return site;
  }

  get certificate() {
    return join(this.directory, "site.pem");
  }
  get key() {
    return join(this.directory, "site.key");
  }

  command() {
    return { ...super.command(), isGroup: true };
  }

  processes() {
    // The files of the site belong to the user who runs the tests.
    const user = process.getuid() === 0 ? "user root;" : "";
    return `${user} worker_processes ${WORKERS};`;
  }

  // A server block without its content.
  server(names, content, flags = "ssl") {
    return `
        server {
          listen ${this.host}:${this.port} ${flags};
          server_name ${names};
          ssl_certificate ${this.certificate};
          ssl_certificate_key ${this.key};
          ${content}
        }`;
  }

  servers() {
    // Plain HTTP shows that nginx is ready.
    const ready = "error_page 497 =200 @ready; location @ready { return 200; }";
    return `
        upstream pusher { server ${this.#pusher.host}:${this.#pusher.port}; }
        ${this.server("_", ready, "ssl default_server")}
        ${this.server(PUSHER_NAMES.join(" "), `include ${snippetPath("websocket.conf")};`)}
        ${this.#blocks}
    `;
  }

  // The configuration below a heading of the runbook, for the server at `matchcast`.
  documented(heading, matchcast) {
    const [, rest] = readFileSync(RUNBOOK, "utf8").split(`\n### ${heading}\n`);
    const [section] = rest.split(/\n##+ /);
    const blocks = [...section.matchAll(/```nginx\n(.*?)```/gs)].map(([, block]) => block);
    const changes = [
      // The one of all tests.
      [/upstream pusher \{.*?\}/gs, ""],
      [/listen 443 ssl;/g, `listen ${this.host}:${this.port} ssl;`],
      [/127\.0\.0\.1:8080/g, `${matchcast.host}:${matchcast.port}`],
      [/\/etc\/ssl\/\S+\.pem;/g, `${this.certificate};`],
      [/\/etc\/ssl\/\S+\.key;/g, `${this.key};`],
      [/\/srv\/page\/dist;/g, `${this.root};`],
      [/\/etc\/nginx\/snippets\//g, snippetPath("")],
    ];
    return changes.reduce(
      (text, [pattern, value]) => text.replaceAll(pattern, value),
      blocks.join("\n"),
    );
  }

  // Serves these blocks from now on.
  async serve(blocks) {
    this.#blocks = blocks;
    await this.reload();
  }

  // With the commands of the runbook. For about 100 ms old workers accept connections beside new
  // ones; this returns when they have stopped.
  async reload() {
    this.writeConfig();
    const before = new Set(this.#stoppedWorkers());
    const nginx = (...command) =>
      run("nginx", [...this.parameters(), ...command], { cwd: this.directory });
    await nginx("-t");
    await nginx("-s", "reload");
    const haveStopped = () =>
      this.#stoppedWorkers().filter((id) => !before.has(id)).length === WORKERS;
    await waitUntil("the old workers have stopped", haveStopped);
  }

  // The ids of those that accept no connections any more.
  #stoppedWorkers() {
    return [...this.log.matchAll(/ (\d+)#\d+: gracefully shutting down/g)].map(([, id]) => id);
  }
}

// A browser for which the names are those of the site. Its certificate has no authority.
export function launchFor(site) {
  const { publicKey } = new X509Certificate(readFileSync(site.certificate));
  const key = publicKey.export({ type: "spki", format: "der" });
  const rules = NAMES.map((name) => `MAP ${name} ${site.host}:${site.port}`);
  return chromium.launch({
    executablePath: process.env.MATCHCAST_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...FLAGS,
      `--host-resolver-rules=${[...rules, "MAP * ~NOTFOUND"].join()}`,
      `--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`,
    ],
  });
}
