// What the page of administrators computes.
import { describe, expect, test, vi } from "vitest";
import { reactive } from "vue";
import { useAdminList } from "../src/composables/useAdminList.js";
import * as adminApi from "../src/lib/adminApi.js";

describe("the header Link", () => {
  test("contains the cursor of the next page", () => {
    expect(adminApi.nextCursor('<?limit=50&cursor=CAAA&status=pending>; rel="next"')).toBe("CAAA");
  });
  test("is missing on the last page", () => {
    expect(adminApi.nextCursor(undefined)).toBe(null);
    expect(adminApi.nextCursor("")).toBe(null);
    expect(adminApi.nextCursor('<?cursor=CAAA>; rel="prev"')).toBe(null);
  });
});

describe("a list", () => {
  test("shows the pages forwards and backwards, and begins again with another filter", async () => {
    const requests = [];
    const read = async (path, filters, cursor) => {
      requests.push([path, { ...filters }, cursor]);
      const number = cursor === null ? 1 : Number(cursor);
      return { rows: [`row ${number}`], next: number < 3 ? String(number + 1) : null };
    };
    const filters = reactive({ status: "" });
    const list = useAdminList("/users", filters, read);
    await list.load();
    await list.showNext();
    await list.showNext();
    expect(list.resource.data).toEqual(["row 3"]);
    expect(list.next.value).toBe(null);
    await list.showPrevious();
    expect(list.resource.data).toEqual(["row 2"]);
    filters.status = "frozen";
    await list.showFirst();
    expect(list.cursors.value).toEqual([null]);
    expect(requests.at(-1)).toEqual(["/users", { status: "frozen" }, null]);
  });

  test("ignores a response that a later one has overtaken", async () => {
    const answers = [];
    const read = () => new Promise((resolve) => answers.push(resolve));
    const list = useAdminList("/users", {}, read);
    const [first, second] = [list.load(), list.load()];
    answers[1]({ rows: ["new"], next: null });
    answers[0]({ rows: ["old"], next: null });
    await Promise.all([first, second]);
    expect(list.resource.data).toEqual(["new"]);
  });

  test("keeps what it shows when it cannot be read", async () => {
    const read = vi.fn().mockResolvedValueOnce({ rows: ["row"], next: null });
    const list = useAdminList("/users", {}, read);
    await list.load();
    read.mockRejectedValueOnce(new Error("no connection"));
    await list.load();
    expect(list.resource.data).toEqual(["row"]);
    expect(list.resource.error.message).toBe("no connection");
  });
});
