// Exchanges of ccxt that are connected to the server under test, and Python scripts that use them.
import { execFile } from "node:child_process";
import { matchcast } from "../../../clients/ccxt/js/index.js";
import { waitUntil } from "./waitUntil.js";

const PYTHON_TIMEOUT_MS = 150_000;
const PACKAGE = new URL("../../../clients/ccxt", import.meta.url).pathname;

// Opens an exchange of a demo user, or of nobody, and closes it after the test.
export function open(t, server, name = undefined, options = {}) {
  const login = name && { login: `${name}@example.com`, password: "password" };
  const hostname = `${server.host}:${server.port}`;
  const exchange = new matchcast({ hostname, enableRateLimit: false, ...login, ...options });
  t.after(() => exchange.close());
  return exchange;
}

// Returns a function that waits until the lists at these paths have been read. What happened before
// that is not reported by watch…(), so a test waits for it before it changes something.
export function watchReads(exchange, paths) {
  const read = new Set();
  const { request } = exchange;
  exchange.request = async (path, ...others) => {
    const response = await request.call(exchange, path, ...others);
    read.add(path);
    return response;
  };
  return () => waitUntil(`${paths} are read`, () => paths.every((path) => read.has(path)));
}

// Runs a script of tests/clients/python and returns its output, or fails as the script does.
export function runPython(script, parameters, timeout = PYTHON_TIMEOUT_MS) {
  const python = process.env.MATCHCAST_CCXT_PYTHON;
  if (!python)
    throw new Error("MATCHCAST_CCXT_PYTHON must name a Python that has the package ccxt");
  const path = new URL(`../python/${script}`, import.meta.url).pathname;
  const env = {
    PATH: process.env.PATH,
    PYTHONPATH: `${PACKAGE}:${PACKAGE}/examples`,
    PYTHONDONTWRITEBYTECODE: "1",
  };
  return new Promise((resolve, reject) => {
    execFile(python, [path, ...parameters], { env, timeout }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}
