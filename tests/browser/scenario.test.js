import { test } from "node:test";
import { useBrowser } from "./support/browser.js";
import { tradeInTwoWindows } from "./support/scenario.js";

useBrowser();

test("a trade updates both traders' windows and does not affect a third user", tradeInTwoWindows);
