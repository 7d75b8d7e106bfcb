// The guides in Python.
import { testGuides } from "./support/programs.js";

testGuides("python");
