// nginx with the unchanged snippets of docs/nginx in front of a server. The generated configuration
// adds only what an operator provides: the upstreams, the port and the root of the page's build.
// `NginxProcess` is what other configurations have in common with it.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Process, resources } from "./process.js";

const TEMP_PATHS = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

export const snippetPath = (name) =>
  fileURLToPath(new URL(`../../../docs/nginx/${name}`, import.meta.url));

// Writes only to a directory of its own, from which it also serves the page.
export class NginxProcess extends Process {
  logLevel = "warn";
  directory = mkdtempSync(join(tmpdir(), "matchcast-nginx-"));

  constructor(readyPath) {
    super("nginx", readyPath);
    resources.add(this);
    mkdirSync(join(this.directory, "temp"));
  }

  // The directory of the page's build.
  get root() {
    return join(this.directory, "build");
  }

  // `build` maps paths to the contents of the page's files.
  writeBuild(build) {
    for (const [path, text] of Object.entries(build)) {
      const file = join(this.root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }

  // Directives that say how many processes there are. By default it is one.
  processes() {
    return "master_process off;";
  }

  // The upstreams and servers.
  servers() {
    throw new Error("this nginx does not define its servers");
  }

  // The parameters that all commands of this nginx need.
  parameters() {
    return ["-p", this.directory, "-c", join(this.directory, "nginx.conf"), "-e", "stderr"];
  }

  command() {
    this.writeConfig();
    return {
      program: "nginx",
      parameters: this.parameters(),
      directory: this.directory,
      variables: {},
    };
  }

  writeConfig() {
    const text = `
      daemon off;
      ${this.processes()}
      pid nginx.pid;
      error_log stderr ${this.logLevel};
      events {}
      http {
        access_log off;
        types { text/html html; text/javascript js; }
        ${TEMP_PATHS.map((name) => `${name}_temp_path temp/${name};`).join("\n        ")}
        ${this.servers()}
      }
    `;
    writeFileSync(join(this.directory, "nginx.conf"), text);
  }

  // Also called when the tests are interrupted.
  async drop() {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
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

export class Nginx extends NginxProcess {
  #upstreams;
  #snippets;

  // `upstreams` maps names to { host, port }, and `snippets` are file names in docs/nginx.
  constructor({ upstreams, snippets, build }) {
    super("/index.html");
    this.writeBuild(build);
    this.#upstreams = upstreams;
    this.#snippets = snippets;
  }

  servers() {
    const upstreams = Object.entries(this.#upstreams).map(
      ([name, { host, port }]) => `upstream ${name} { server ${host}:${port}; }`,
    );
    const includes = this.#snippets.map((name) => `include ${snippetPath(name)};`);
    return `
        ${upstreams.join("\n        ")}
        server {
          listen ${this.host}:${this.port};
          root build;
          ${includes.join("\n          ")}
        }
    `;
  }
}
