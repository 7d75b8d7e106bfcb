// The structure of each page as a screen reader has it: landmarks, headings, names of all controls,
// and tables. tests/browser/pages.test.js has the rules that axe checks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { AccessibilityTree } from "./support/accessibilityTree.js";
import { openAdministration } from "./support/administration.js";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser();

const duplicates = (names) => names.filter((name, index) => names.indexOf(name) !== index);
const nameOf = ({ name }) => name;
const described = ({ role, name }) => `${role} "${name}"`;

// `navigation` is the name of the page's own one, if it has one.
function assertLandmarks(tree, where, { navigation }) {
  const names = (role) => tree.landmarks.filter((each) => each.role === role).map(nameOf);
  assert.equal(names("main").length, 1, `${where}: one main`);
  assert.equal(names("banner").length, navigation ? 1 : 0, `${where}: one banner`);
  const navigations = names("navigation");
  assert.equal(navigations.includes(navigation), Boolean(navigation), `${where}: ${navigations}`);
  for (const all of [navigations, names("region")]) {
    assert.ok(!all.includes(""), `${where}: a landmark without a name`);
    assert.deepEqual(duplicates(all), [], `${where}: landmarks of the same name`);
  }
}

function assertHeadings(tree, where) {
  const { headings } = tree;
  assert.equal(headings.filter(([level]) => level === 1).length, 1, `${where}: one h1`);
  headings.forEach(([level, name], index) => {
    assert.notEqual(name, "", `${where}: an empty heading`);
    const previous = headings[index - 1]?.[0] ?? 0;
    assert.ok(level <= previous + 1, `${where}: h${level} "${name}" comes after h${previous}`);
  });
}

function assertNames(tree, where) {
  // Scripts move the focus to these, and they are read as a whole.
  const targets = ["main", "row"];
  const focusable = tree.focusable.filter(({ role }) => !targets.includes(role));
  const named = [...tree.controls, ...focusable, ...tree.root.find("figure", "dialog", "tabpanel")];
  const unnamed = named.filter(({ name }) => !/[a-z0-9]/i.test(name));
  assert.deepEqual(unnamed.map(described), [], `${where}: without a name`);
  // Images are named, or their link is.
  const images = tree.root.find("image").filter(({ name, parent }) => !name && !parent.name);
  assert.deepEqual(images.map(described), [], `${where}: images without a name`);
}

function assertTables(tree, where) {
  for (const table of tree.tables) {
    assert.notEqual(table.name, "", `${where}: a table without a name`);
    const headers = table.find("columnheader");
    assert.ok(headers.length > 1, `${where}: ${table.name} has no column headers`);
    const names = headers.map(nameOf);
    const unnamed = names.filter((name) => !/[a-z]/i.test(name));
    assert.deepEqual(unnamed, [], `${where}: ${table.name} has columns without a name`);
    for (const row of table.find("row")) {
      const cells = row.find("cell", "gridcell", "columnheader", "rowheader");
      const isWhole = cells.length === 1;
      assert.ok(isWhole || cells.length === headers.length, `${where}: ${table.name}, ${row.text}`);
    }
  }
}

async function assertStructure({ page }, where, { navigation = "Account" } = {}) {
  const tree = await AccessibilityTree.of(page);
  assertLandmarks(tree, where, { navigation });
  assertHeadings(tree, where);
  assertNames(tree, where);
  assertTables(tree, where);
  return tree;
}

// Each page has a title of its own, which is read first.
const titles = new Map();
async function assertTitle({ page }, where) {
  const title = await page.title();
  assert.match(title, /\S · matchcast$/, where);
  assert.ok(!titles.has(title), `${where} has the title of ${titles.get(title)}: ${title}`);
  titles.set(title, where);
}

test("pages without a log-in", async (t) => {
  const window = await Window.open(t, { allowedErrors: [/status of 404/] });
  for (const path of ["login", "register", "unknown-page"]) {
    await window.goto(`/${path}`);
    await window.page.getByRole("heading", { level: 1 }).waitFor();
    if (path === "login") await window.page.getByRole("button", { name: "Bob" }).waitFor();
    await assertStructure(window, path, { navigation: "" });
    await assertTitle(window, path);
  }
});

test("the dashboard with orders, trades and all its tables", async (t) => {
  const [alice, bob] = await Promise.all(
    ["alice", "bob"].map((name) => User.logIn(server(), name)),
  );
  await alice.placeOrder("buy", "0.02", "30000");
  await bob.placeOrder("sell", "0.01", "30000");
  await bob.placeOrder("sell", "0.01", "31000");
  const window = await Window.logIn(t, "Alice");
  const { page } = window;
  await page.locator("[data-level='31000']").waitFor();
  await page.locator(".chart canvas").first().waitFor();
  await assertTitle(window, "dashboard");
  const tables = { "Open orders": 1, "Order history": 1, Trades: 1, "Balance history": 1 };
  for (const tab of Object.keys(tables)) {
    await window.openTab(tab);
    await page.locator(".records tbody tr").first().waitFor();
    const tree = await assertStructure(window, tab);
    const names = tree.tables.map(nameOf);
    assert.equal(names.length, 3, names.join("; "));
    const expected = tab === "Open orders" ? "Open orders 1" : tab;
    assert.ok(names.includes(expected), names.join("; "));
  }
  await window.openTab("Open orders");
  await page.getByRole("button", { name: /^Amend order/ }).click();
  await page.getByRole("button", { name: "Discard" }).waitFor();
  await page.locator(".order-form summary").click();
  await page.locator(".menu summary").click();
  const tree = await assertStructure(window, "everything is open");
  const form = tree.controls.map(({ role, name, description }) => [role, name, description]);
  for (const control of [
    ["radio", "Buy BTC", ""],
    ["combobox", "Type", ""],
    ["textbox", "Price", "USD"],
    ["textbox", "Amount", "BTC"],
    ["button", "100%", ""],
  ]) {
    const isThere = form.some((each) => each.join() === control.join());
    assert.ok(isThere, `${control} is not in ${form.join("; ")}`);
  }
});

test("tokens, sessions and the debug console", async (t) => {
  const bob = await User.logIn(server(), "bob");
  await bob.post("/tokens", { name: "Bot", abilities: ["read"] }, 201);
  const window = await Window.logIn(t, "Bob");
  const { page } = window;
  for (const [path, ready] of [
    ["tokens", page.locator("[data-token]")],
    ["sessions", page.getByTestId("current")],
    ["debug", page.locator("[data-kind]").first()],
  ]) {
    await window.goto(`/${path}`);
    await ready.waitFor();
    await window.waitForBadge("Live");
    await assertStructure(window, path);
    await assertTitle(window, path);
  }
  await page.locator("[data-kind] button").first().click();
  await page.getByTestId("detail").waitFor();
  await assertStructure(window, "an entry of the debug console");
});

test("the administration", async (t) => {
  const alice = await User.logIn(server(), "alice");
  await alice.post(
    "/withdrawals",
    { asset: "USD", amount: "10", destination: "DE02 1203 0000 0000 2020 51" },
    201,
  );
  await server().execute([
    ..."adjustment create alice@example.com USD 1 --reason".split(" "),
    "A payment that arrived twice",
  ]);
  const { window, sections } = await openAdministration(t, server());
  const { page } = window;
  await assertTitle(window, "administration");
  for (const section of sections) {
    await section.open();
    await assertStructure(window, section.name, { navigation: "Sections" });
  }
  await sections[0].open();
  await page.getByRole("button", { name: /^Show alice/ }).click();
  await page.getByTestId("shown-user").waitFor();
  await page.getByText("Open orders of Alice").waitFor();
  await assertStructure(window, "a user", { navigation: "Sections" });
});
