// The guides in docs/guides as programs: their code blocks by language, and the output that follows
// them. A guide's program begins with the code of README.md, as the guides say.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const START = "README.md";
const folder = fileURLToPath(new URL("../../../docs/guides/", import.meta.url));

// A line between the output of two steps. No guide prints it.
const SEPARATOR = "=== next step ===";
const SEPARATE = {
  bash: `echo "${SEPARATOR}"`,
  python: `print("${SEPARATOR}", flush=True)`,
  typescript: `console.log("${SEPARATOR}");`,
};
const LANGUAGES = Object.keys(SEPARATE);

// The placeholders of expected output, which README.md describes.
const PLACEHOLDERS = { "<n>": "[0-9]+" };

// Returns the steps of a guide. A step is one or more blocks of each language, and the output that
// the program of each language has there: { title, code: { language: text }, output }. Throws for a
// block that would not be tested.
export function parse(name, text) {
  const blocks = [...text.matchAll(/^```(.*)\n((?:.*\n)*?)```$/gm)];
  if ((text.match(/^\s*```/gm) ?? []).length !== 2 * blocks.length) {
    throw new Error(`${name}: a block has no end, or is indented`);
  }
  const steps = [];
  let code = {};
  for (const { 1: language, 2: content, index } of blocks) {
    const title = `${name}:${text.slice(0, index).split("\n").length}`;
    if (language === "text") {
      const missing = LANGUAGES.filter((each) => !code[each]);
      if (missing.length > 0) throw new Error(`${title}: no ${missing} before this output`);
      steps.push({ title, code, output: content });
      code = {};
    } else if (LANGUAGES.includes(language)) {
      code[language] = (code[language] ?? "") + content;
    } else {
      throw new Error(`${title}: blocks in "${language}" are not tested`);
    }
  }
  if (Object.keys(code).length > 0) throw new Error(`${name}: no output after the last block`);
  return steps;
}

// Whether a step printed what its guide says.
export function isExpected(expected, printed) {
  const escaped = expected.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = Object.entries(PLACEHOLDERS).reduce(
    (text, [placeholder, replacement]) => text.replaceAll(placeholder, replacement),
    escaped,
  );
  return new RegExp(`^${pattern}$`).test(printed);
}

const read = (name) => readFileSync(folder + name, "utf8");

export class Guide {
  constructor(name) {
    this.name = name;
    const steps = parse(name, read(name));
    this.steps = name === START ? steps : [...parse(START, read(START)), ...steps];
  }

  get isListed() {
    return this.name === START || read(START).includes(`](${this.name})`);
  }

  program(language) {
    return this.steps.map(({ code }) => code[language]).join(`\n${SEPARATE[language]}\n`);
  }

  // Returns the first step whose output is not the expected one, as { title, expected, printed }.
  firstDifference(stdout) {
    const outputs = stdout.split(`${SEPARATOR}\n`);
    const differences = this.steps.map(({ title, output }, index) => {
      const printed = outputs[index] ?? "";
      return !isExpected(output, printed) && { title, expected: output, printed };
    });
    return differences.find(Boolean);
  }
}

export const guides = readdirSync(folder)
  .filter((name) => name.endsWith(".md"))
  .sort()
  .map((name) => new Guide(name));
