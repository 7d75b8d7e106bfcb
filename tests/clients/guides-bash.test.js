// The guides in bash, with curl and jq.
import { testGuides } from "./support/programs.js";

testGuides("bash");
