// Makes docs/BENCHMARKS.md, its plots and the figures in README.md from the measurements of a run:
//
//     node benches/report/main.mjs MEASUREMENTS OUTPUT [--complete]
//
// OUTPUT is the root of the repository, or another folder, which then has the same files. With
// --complete, a row without a measurement is an error.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { missing, renderDocument, updateReadme, verdict } from "./document.mjs";
import { Measurements } from "./measurements.mjs";
import { plots } from "./plots.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "..", "..");

const [folder, output, mode] = process.argv.slice(2);
if (!folder || !output || (mode && mode !== "--complete")) {
  throw new Error("usage: node benches/report/main.mjs MEASUREMENTS OUTPUT [--complete]");
}
const measurements = Measurements.read(folder);
const absent = missing(measurements);
if (mode === "--complete" && absent.length > 0) {
  throw new Error(`not measured: ${absent.map((row) => row.what).join("; ")}`);
}

function write(name, text) {
  const file = path.join(output, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

const template = fs.readFileSync(path.join(here, "template.md"), "utf8");
write("docs/BENCHMARKS.md", renderDocument(template, measurements));
for (const [name, svg] of plots(measurements)) write(`docs/images/${name}`, svg);
const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");
write("README.md", updateReadme(readme, measurements));
const { met, missed } = verdict(measurements);
console.log(`report: ${met} aims met, ${missed} not, ${absent.length} rows not measured`);
