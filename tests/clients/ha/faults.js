// The faults, each of which repairs what it has broken. One that stops the cluster although its
// leader remains returns when it was repaired.
import { setTimeout as sleep } from "node:timers/promises";
import { sendSignal } from "./system.js";

const ETCD_AWAY_MS = 30_000;
const STANDBYS_AWAY_MS = 15_000;
const PROCESS_AWAY_MS = 4_000;
// A server that is frozen or without Patroni stays that long after the failover.
const OLD_LEADER_MS = 5_000;
// A second leader would be noticed within this time.
const THAWED_MS = 10_000;
// A leader that nobody can reach any more would stay for ever, so it is repaired after this time.
const ZOMBIE_MS = 60_000;

async function crash(lab, old) {
  await old.crash();
  await lab.failedOver(old);
  await old.start();
}

async function switchOver(lab, old) {
  await lab.cluster.switchover(old, await lab.cluster.synchronousStandby());
  await lab.failedOver(old);
}

async function freeze(lab, old) {
  const thaw = old.freeze();
  try {
    await lab.failedOver(old);
    await sleep(OLD_LEADER_MS);
  } finally {
    thaw();
  }
  await sleep(THAWED_MS);
}

async function orphan(lab, old) {
  sendSignal([old.pid], "SIGKILL");
  await old.kill();
  try {
    await lab.failedOver(old, ZOMBIE_MS);
    await sleep(OLD_LEADER_MS);
  } finally {
    await old.start();
  }
}

async function stopEtcd(lab) {
  await lab.cluster.etcd.kill();
  await sleep(ETCD_AWAY_MS);
  await lab.cluster.etcd.start();
}

async function crashStandbys(lab) {
  const standbys = await lab.cluster.standbys();
  await Promise.all(standbys.map((node) => node.crash()));
  await sleep(STANDBYS_AWAY_MS);
  const repairedAt = Date.now();
  await Promise.all(standbys.map((node) => node.start()));
  return repairedAt;
}

const killProcess = (index) => async (lab) => {
  const process = lab.matchcast.processes[index];
  await process.kill();
  await sleep(PROCESS_AWAY_MS);
  await process.start();
};

async function restartProcesses(lab) {
  for (const process of lab.matchcast.processes) {
    await process.stop();
    await process.start();
    await lab.accepts();
  }
}

export const FAULTS = [
  { name: "switchover", run: switchOver, changesLeader: true },
  { name: "kill of the leader", run: crash, changesLeader: true },
  { name: "kill of the next leader", run: crash, changesLeader: true, followsAnother: true },
  { name: "frozen leader", run: freeze, changesLeader: true },
  { name: "leader without Patroni", run: orphan, changesLeader: true },
  { name: "etcd away for 30 s", run: stopEtcd },
  { name: "both standbys away", run: crashStandbys },
  { name: "kill of matchcast A", run: killProcess(0), isOfMatchcast: true },
  { name: "kill of matchcast B", run: killProcess(1), isOfMatchcast: true },
  { name: "rolling restart of matchcast", run: restartProcesses, isOfMatchcast: true },
];
