// The tabs of the user's records.
import { createApp, h, nextTick, ref } from "vue";
import { expect, it } from "vitest";
import TabList from "../src/components/TabList.vue";

it("the arrow keys move between tabs, of which one is in the order of the Tab key", async () => {
  const tab = ref("a");
  const tabs = ["a", "b", "c"].map((key) => ({ key, label: key }));
  const root = document.body.appendChild(document.createElement("div"));
  const app = createApp({
    render: () =>
      h(TabList, {
        modelValue: tab.value,
        "onUpdate:modelValue": (key) => (tab.value = key),
        tabs,
        label: "Tabs",
        idPrefix: "t",
      }),
  });
  app.mount(root);
  const list = root.querySelector("[role=tablist]");
  const press = async (key) => {
    list.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await nextTick();
    await nextTick();
    const selected = root.querySelectorAll("[tabindex='0']");
    expect([...selected].map(({ id }) => id)).toEqual([`t-${tab.value}`]);
    expect(document.activeElement.id).toBe(`t-${tab.value}`);
    return tab.value;
  };
  expect(await press("ArrowRight")).toBe("b");
  expect(await press("End")).toBe("c");
  expect(await press("ArrowRight")).toBe("a");
  expect(await press("ArrowLeft")).toBe("c");
  expect(await press("Home")).toBe("a");
  app.unmount();
});
