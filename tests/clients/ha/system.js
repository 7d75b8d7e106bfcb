// Processes of the machine, by their ids.
import { execFile } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

const COMMAND_TIMEOUT_MS = 60_000;

export function execute(program, parameters, options = {}) {
  return new Promise((resolve, reject) => {
    const all = { timeout: COMMAND_TIMEOUT_MS, ...options };
    execFile(program, parameters, all, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}

// Sends a signal to those that still run. Ids may be undefined.
export function sendSignal(pids, signal) {
  for (const pid of pids) {
    if (!pid) continue;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  }
}

function parentOf(pid) {
  try {
    // The name, in parentheses, may contain anything.
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ")[1]);
  } catch {
    return undefined;
  }
}

// The process with this id, if it runs in this folder, and its children. Another process may have
// the id meanwhile.
export function processTree(pid, folder) {
  try {
    if (readlinkSync(`/proc/${pid}/cwd`) !== folder) return [];
  } catch {
    return [];
  }
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return [pid, ...all.map(Number).filter((each) => parentOf(each) === pid)];
}
