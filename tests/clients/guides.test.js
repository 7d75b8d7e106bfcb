// The rules for docs/guides that make every block a tested one. The programs themselves run in
// guides-*.test.js.
import assert from "node:assert/strict";
import { test } from "node:test";
import { guides, isExpected, parse } from "./support/guides.js";

const block = (language, content) => `\`\`\`${language}\n${content}\`\`\`\n`;
const code = block("bash", "echo 1\n") + block("python", "print(1)\n");
const step = code + block("typescript", "console.log(1);\n") + block("text", "1\n");

test("every guide is listed in the first one", () => {
  assert.ok(guides.length > 1);
  const missing = guides.filter(({ isListed }) => !isListed);
  assert.deepEqual(
    missing.map(({ name }) => name),
    [],
  );
});

test("blocks of one language are joined up to the next output", () => {
  const [first, second, ...more] = parse("a.md", `Text\n${code}${step}\n${step}`);
  assert.equal(first.title, "a.md:17");
  assert.equal(first.code.python, "print(1)\nprint(1)\n");
  assert.equal(second.code.python, "print(1)\n");
  assert.equal(second.output, "1\n");
  assert.deepEqual(more, []);
});

for (const [title, text, message] of [
  ["without output", step + code, /no output/],
  ["without one of the languages", code + block("text", "1\n"), /no typescript/],
  ["in another language", step + block("ruby", "puts 1\n"), /ruby/],
  ["without a language", step + block("", "1\n"), /not tested/],
  ["without an end", `${step}\`\`\`bash\necho 1\n`, /no end/],
  ["with an indentation", `${step}- \n  \`\`\`bash\n  echo 1\n  \`\`\`\n`, /indented/],
]) {
  test(`a block ${title} is an error`, () => {
    assert.throws(() => parse("a.md", text), message);
  });
}

test("only placeholders stand for other text", () => {
  assert.ok(isExpected("order <n>: 0.1\n", "order 17: 0.1\n"));
  assert.ok(!isExpected("order <n>: 0.1\n", "order x: 0.1\n"));
  assert.ok(!isExpected("order <n>: 0.1\n", "order 17: 0x1\n"));
  assert.ok(!isExpected("order <n>: 0.1\n", "order 17: 0.1\n0\n"));
  assert.ok(!isExpected("order <n>: 0.1\n", ""));
});
