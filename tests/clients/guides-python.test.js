// The guides in Python.
import { testGuides } from "./support/programs.js";

const python = process.env.MATCHCAST_PYTHON;
if (!python) throw new Error("MATCHCAST_PYTHON must name the Python with the required packages");
testGuides("python", "py", [python]);
