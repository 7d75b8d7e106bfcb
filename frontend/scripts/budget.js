// What the first visit may cost, checked after every build: the entry bundle's size over the wire,
// and how many requests stand before the first paint.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const ENTRY_LIMIT_BYTES = 250_000;
const REQUESTS_LIMIT = 3;

const dist = new URL("../dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");
const attribute = (tag, name) => tag.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1];
const scripts = [...html.matchAll(/<script\b[^>]*>/g)].map(([tag]) => attribute(tag, "src"));
// An icon delays no paint; everything else that the head links to does.
const links = [...html.matchAll(/<link\b[^>]*>/g)]
  .filter(([tag]) => attribute(tag, "rel") !== "icon")
  .map(([tag]) => attribute(tag, "href"));

const size = (path) => gzipSync(readFileSync(new URL(`.${path}`, dist))).length;
const entry = scripts.filter(Boolean).reduce((sum, path) => sum + size(path), 0);
const requests = 1 + scripts.filter(Boolean).length + links.length;

console.log(`entry bundle: ${entry} of ${ENTRY_LIMIT_BYTES} bytes, compressed`);
console.log(`requests before the first paint: ${requests} of ${REQUESTS_LIMIT}`);
if (entry === 0) throw new Error("the built page names no script: nothing was measured");
if (entry > ENTRY_LIMIT_BYTES) throw new Error("the entry bundle is too large");
if (requests > REQUESTS_LIMIT) throw new Error("the first paint needs too many requests");
