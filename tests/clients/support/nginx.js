// nginx with the unchanged snippets of docs/nginx in front of a server. The generated configuration
// adds only what an operator provides: the upstreams, the port and the root of the page's build.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Process, resources } from "./process.js";

const TEMP_PATHS = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

export const snippetPath = (name) =>
  fileURLToPath(new URL(`../../../docs/nginx/${name}`, import.meta.url));

export class Nginx extends Process {
  #directory = mkdtempSync(join(tmpdir(), "matchcast-nginx-"));
  #upstreams;
  #snippets;

  // `upstreams` maps names to { host, port }, `snippets` are file names in docs/nginx, and `build`
  // maps paths to the contents of the page's files.
  constructor({ upstreams, snippets, build }) {
    super("nginx", "/index.html");
    resources.add(this);
    this.#upstreams = upstreams;
    this.#snippets = snippets;
    mkdirSync(join(this.#directory, "temp"));
    for (const [path, text] of Object.entries(build)) {
      const file = join(this.#directory, "build", path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }

  command() {
    const file = join(this.#directory, "nginx.conf");
    writeFileSync(file, this.#config());
    return {
      program: "nginx",
      parameters: ["-p", this.#directory, "-c", file, "-e", "stderr"],
      directory: this.#directory,
      variables: {},
    };
  }

  // One process in the foreground, which writes only to its directory.
  #config() {
    const upstreams = Object.entries(this.#upstreams).map(
      ([name, { host, port }]) => `upstream ${name} { server ${host}:${port}; }`,
    );
    const includes = this.#snippets.map((name) => `include ${snippetPath(name)};`);
    return `
      daemon off;
      master_process off;
      pid nginx.pid;
      error_log stderr warn;
      events {}
      http {
        access_log off;
        types { text/html html; text/javascript js; }
        ${TEMP_PATHS.map((name) => `${name}_temp_path temp/${name};`).join("\n        ")}
        ${upstreams.join("\n        ")}
        server {
          listen ${this.host}:${this.port};
          root build;
          ${includes.join("\n          ")}
        }
      }
    `;
  }

  // Also called when the tests are interrupted.
  async drop() {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
    resources.delete(this);
  }

  async remove() {
    try {
      await this.stop();
    } finally {
      await this.drop();
    }
  }
}
