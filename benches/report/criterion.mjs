// Turns the samples of Criterion into measurements: orders per second, one for each sample.
//
//     node benches/report/criterion.mjs CRITERION_GROUP OUTPUT
import fs from "node:fs";
import path from "node:path";

/** The lines for one benchmark, from its `benchmark.json` and `sample.json`. */
export function samples(benchmark, sample) {
  const elements = benchmark.throughput.Elements;
  return sample.times.map((nanoseconds, index) => ({
    name: "orders_per_second",
    parameters: { matcher: benchmark.function_id ?? benchmark.title },
    repetition: index + 1,
    value: (elements * sample.iters[index] * 1e9) / nanoseconds,
  }));
}

function read(folder, name) {
  return JSON.parse(fs.readFileSync(path.join(folder, "new", name), "utf8"));
}

if (process.argv[1] === import.meta.filename) {
  const [group, output] = process.argv.slice(2);
  const folders = fs.readdirSync(group).map((name) => path.join(group, name));
  const lines = folders
    .filter((folder) => fs.existsSync(path.join(folder, "new", "sample.json")))
    .flatMap((folder) => samples(read(folder, "benchmark.json"), read(folder, "sample.json")));
  if (lines.length === 0) throw new Error(`${group} has no samples`);
  fs.writeFileSync(output, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}
