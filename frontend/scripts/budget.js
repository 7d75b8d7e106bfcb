// Performance budget, checked after every build: the compressed size of the entry bundle, and the
// number of requests before the first paint.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const MAX_ENTRY_BYTES = 250_000;
const MAX_REQUESTS = 3;

const dist = new URL("../dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");
const attribute = (tag, name) => tag.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1];
const scripts = [...html.matchAll(/<script\b[^>]*>/g)].map(([tag]) => attribute(tag, "src"));
// The icon does not delay the first paint; all other links in the head do.
const links = [...html.matchAll(/<link\b[^>]*>/g)]
  .filter(([tag]) => attribute(tag, "rel") !== "icon")
  .map(([tag]) => attribute(tag, "href"));

const size = (path) => gzipSync(readFileSync(new URL(`.${path}`, dist))).length;
const entry = scripts.filter(Boolean).reduce((sum, path) => sum + size(path), 0);
const requests = 1 + scripts.filter(Boolean).length + links.length;

console.log(`entry bundle: ${entry} of ${MAX_ENTRY_BYTES} bytes, compressed`);
console.log(`requests before the first paint: ${requests} of ${MAX_REQUESTS}`);
if (entry === 0) throw new Error("index.html references no script, so nothing was measured");
if (entry > MAX_ENTRY_BYTES) throw new Error("the entry bundle exceeds its budget");
if (requests > MAX_REQUESTS) throw new Error("the first paint exceeds its request budget");
