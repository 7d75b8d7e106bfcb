// What the page of administrators computes.
import { afterEach, describe, expect, test, vi } from "vitest";
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

describe("an export", () => {
  afterEach(() => vi.unstubAllGlobals());
  const answer = (body, status) =>
    vi.stubGlobal("fetch", async () => new Response(body, { status }));

  test("is kept byte for byte", async () => {
    answer("id,amount\r\n1,0.10000000\r\n", 200);
    const contents = await adminApi.exportList("trades");
    expect(await contents.text()).toBe("id,amount\r\n1,0.10000000\r\n");
  });

  test("that the server refuses says why", async () => {
    answer('{"message": "Too many attempts.", "code": "too_many_attempts"}', 429);
    await expect(adminApi.exportList("trades")).rejects.toMatchObject({
      message: "Too many attempts.",
      status: 429,
    });
    answer('{"message": "Not found.", "code": "not_found"}', 404);
    await expect(adminApi.exportList("trades")).rejects.toThrow("The token is not valid");
    answer("<html>", 503);
    await expect(adminApi.exportList("trades")).rejects.toThrow("returned status 503");
  });

  test("that ends early is not kept", async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("id\r\n"));
        controller.error(new Error("ended"));
      },
    });
    answer(body, 200);
    await expect(adminApi.exportList("trades")).rejects.toThrow("before the whole list");
  });
});
