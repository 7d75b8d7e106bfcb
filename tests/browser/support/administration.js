// The page of administrators, with a token that may do everything.
import { Window } from "./browser.js";

const ABILITIES = "admin:read,admin:funds,admin:users,admin:markets";
const SECTIONS = [
  ["Users", "[data-user]"],
  ["Withdrawals", "[data-withdrawal]"],
  ["Adjustments", "[data-adjustment], .empty"],
  ["Markets", "[data-market]"],
  ["Dead letters", "text=No dead letters"],
  ["Health", "[data-test=readiness]"],
  ["Log", "[data-act]"],
];

// Also returns the sections, each with `open()`, which shows it with its data.
export async function openAdministration(t, server, options) {
  const { stdout } = await server.execute([
    ..."token create --name console --json --admin".split(" "),
    ABILITIES,
  ]);
  const window = await Window.open(t, options);
  const { page } = window;
  await window.goto("/admin");
  await page.getByRole("textbox", { name: "Token" }).fill(JSON.parse(stdout).token);
  await page.getByRole("button", { name: "Continue" }).click();
  const navigation = page.getByRole("navigation", { name: "Sections" });
  await navigation.waitFor();
  const sections = SECTIONS.map(([name, ready]) => ({
    name,
    open: async () => {
      await navigation.getByText(name, { exact: true }).click();
      await page.locator(ready).first().waitFor();
    },
  }));
  return { window, sections };
}
