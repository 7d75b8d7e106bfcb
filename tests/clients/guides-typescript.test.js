// The guides in TypeScript, also checked for type errors, which running them does not show.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { guides } from "./support/guides.js";
import { modules, testGuides, useFolder } from "./support/programs.js";

testGuides("typescript");

const OPTIONS = [
  ["--noEmit", "--strict", "--skipLibCheck"],
  ["--target", "es2022"],
  ["--module", "preserve"],
  ["--types", "node"],
].flat();
const folder = useFolder();

test("the guides have no type errors", async () => {
  const files = await Promise.all(guides.map((guide) => folder.write(guide, "typescript")));
  const compiler = join(modules, "typescript/bin/tsc");
  const command = [process.execPath, compiler, ...OPTIONS, ...files];
  const { code, stdout, stderr } = await folder.run(command);
  assert.equal(code, 0, stdout + stderr);
});
