// The measurements of a run: files with one JSON object per line, one file per part.
import fs from "node:fs";
import path from "node:path";
import { median } from "./statistics.mjs";

export class Measurements {
  /** `parts` maps the name of a part to its lines. */
  constructor(parts) {
    this.environments = new Map();
    this.series = new Map();
    for (const [part, lines] of parts) {
      for (const { environment, name, parameters, repetition, value } of lines) {
        if (environment) this.environments.set(part, environment);
        else this.#add(`${part}.${name}`, parameters, repetition, value);
      }
    }
  }

  /** Reads every file of a folder. */
  static read(folder) {
    const files = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
    const parts = files
      .filter((file) => file.endsWith(".jsonl"))
      .map((file) => {
        const text = fs.readFileSync(path.join(folder, file), "utf8");
        const lines = text.split("\n").filter((line) => line !== "");
        return [file.replace(/\.jsonl$/, ""), lines.map((line) => JSON.parse(line))];
      });
    return new Measurements(parts);
  }

  #add(name, parameters, repetition, value) {
    if (!Number.isFinite(value)) throw new Error(`${name} is not a number`);
    const all = this.series.get(name) ?? [];
    this.series.set(name, all);
    let found = all.find((series) => matches(series.parameters, parameters, true));
    if (!found) {
      found = { parameters, values: new Map() };
      all.push(found);
    }
    found.values.set(repetition, value);
  }

  /**
   * The values of `part.name` by repetition, of the one series that has these parameters. `null` if
   * there is none.
   */
  find(name, parameters = {}) {
    const found = this.all(name, parameters);
    if (found.length > 1) {
      throw new Error(`${name} ${JSON.stringify(parameters)} is ambiguous`);
    }
    return found[0]?.values ?? null;
  }

  /** The median of what `find` returns. `null` if it was not measured. */
  median(name, parameters = {}) {
    const values = this.find(name, parameters);
    return values && median([...values.values()]);
  }

  /** Every series of `part.name` that has these parameters, in the order of measurement. */
  all(name, parameters = {}) {
    const all = this.series.get(name) ?? [];
    return all.filter((series) => matches(series.parameters, parameters, false));
  }
}

function matches(actual, wanted, exactly) {
  if (exactly && Object.keys(actual).length !== Object.keys(wanted).length) return false;
  return Object.entries(wanted).every(([name, value]) => actual[name] === value);
}
