// The guides in TypeScript, also checked for type errors, which running them does not show.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { guides } from "./support/guides.js";
import { modules, testGuides } from "./support/programs.js";

const OPTIONS = [
  ["--noEmit", "--strict", "--skipLibCheck"],
  ["--target", "es2022"],
  ["--module", "preserve"],
  ["--types", "node"],
].flat();

const folder = testGuides("typescript", "mts", [process.execPath, "--import", "tsx"]);

test("the guides have no type errors", async () => {
  const files = [];
  for (const guide of guides) files.push(await folder.write(guide, "typescript", "mts"));
  const compiler = join(modules, "typescript/bin/tsc");
  const { code, stdout, stderr } = await folder.run([
    process.execPath,
    compiler,
    ...OPTIONS,
    ...files,
  ]);
  assert.equal(code, 0, stdout + stderr);
});
