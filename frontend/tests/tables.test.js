import { createApp, h, nextTick } from "vue";
import { afterEach, expect, it } from "vitest";
import SortableTable from "../src/components/SortableTable.vue";
import { byNumber, useTable } from "../src/composables/useTable.js";

let app;
let root;

/** Mounts a table of the numbers from `count` down to 1. */
function mountTable(count) {
  const rows = Array.from({ length: count }, (_, index) => ({ id: String(count - index) }));
  const columns = [
    { key: "id", label: "#", name: "Number", sortKey: byNumber("id"), numeric: true },
  ];
  app = createApp({
    setup() {
      const table = useTable(() => rows, columns);
      const props = { table, labelledBy: "title", itemNames: ["order", "orders"] };
      return () =>
        h(SortableTable, props, {
          columns: () => h("th", "Actions"),
          default: () => table.pageRows.value.map(({ id }) => h("tr", [h("td", id)])),
        });
    },
  });
  root = document.body.appendChild(document.createElement("div"));
  app.mount(root);
}
afterEach(() => {
  app.unmount();
  root.remove();
});

const cells = () => [...root.querySelectorAll("td")].map(({ textContent }) => textContent);
const pagination = () => root.querySelector(".pagination").textContent;
async function click(label) {
  const buttons = [...root.querySelectorAll("button")];
  buttons.find(({ textContent }) => textContent.trim().startsWith(label)).click();
  await nextTick();
}

it("a table is sorted by a click on a column header, which opens the first page", async () => {
  mountTable(12);
  await click("Next");
  expect(cells()).toEqual(["2", "1"]);
  expect(pagination()).toMatch(/^12 orders.*2 \/ 2/);
  await click("#");
  expect(cells().slice(0, 3)).toEqual(["1", "2", "3"]);
  expect(pagination()).toMatch(/^12 orders.*1 \/ 2/);
  const [sortable, fixed] = root.querySelectorAll("th");
  expect([sortable.getAttribute("aria-sort"), sortable.className]).toEqual([
    "ascending",
    "numeric",
  ]);
  expect(fixed.textContent).toBe("Actions");
});

it("the buttons of the first and the last page do nothing and keep the focus", async () => {
  mountTable(12);
  const [previous, next] = root.querySelectorAll(".pagination button");
  expect([previous.ariaDisabled, next.ariaDisabled]).toEqual(["true", "false"]);
  await click("Previous");
  expect(pagination()).toMatch(/1 \/ 2/);
  next.focus();
  await click("Next");
  await click("Next");
  expect(pagination()).toMatch(/2 \/ 2/);
  expect([previous.ariaDisabled, next.ariaDisabled]).toEqual(["false", "true"]);
  expect(document.activeElement).toBe(next);
});

it("a table of one page shows the number of its rows and no buttons for other pages", () => {
  mountTable(1);
  expect(pagination()).toBe("1 order");
});

it("a table can be scrolled with the keyboard and is named by its heading", () => {
  mountTable(1);
  const { tabIndex } = root.querySelector(".scroll[role=group][aria-labelledby=title]");
  expect(tabIndex).toBe(0);
});

it("the order can be chosen instead of clicking on a header, and both agree", async () => {
  mountTable(3);
  const [column, direction] = root.querySelectorAll(".sort-by select");
  const choose = async (select, label) => {
    select.selectedIndex = [...select.options].findIndex(({ text }) => text === label);
    select.dispatchEvent(new Event("change"));
    await nextTick();
  };
  const chosen = () => [column, direction].map(({ selectedOptions: [{ text }] }) => text);
  expect(root.querySelector(".sort-by label").htmlFor).toBe(column.id);
  expect([chosen(), direction.disabled]).toEqual([["Newest first", "Ascending"], true]);

  await choose(column, "Number");
  expect([cells(), direction.disabled]).toEqual([["1", "2", "3"], false]);
  await choose(direction, "Descending");
  expect(cells()).toEqual(["3", "2", "1"]);
  expect(root.querySelector("th").getAttribute("aria-sort")).toBe("descending");
  await click("#");
  expect(chosen()).toEqual(["Newest first", "Ascending"]);
  await click("#");
  expect(chosen()).toEqual(["Number", "Ascending"]);
});
