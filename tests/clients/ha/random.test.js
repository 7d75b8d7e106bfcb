// Random faults for a while, with the checks at the end. scripts/ha.sh prints the seed, with which
// the faults and the orders are the same again; the times are not.
import { after, before, test } from "node:test";
import { Cluster, DIRECT, HAPROXY, PGBOUNCER } from "./cluster.js";
import { FAULTS } from "./faults.js";
import { Lab } from "./lab.js";
import { randomNumbers } from "./load.js";

const minutes = Number(process.env.HA_MINUTES);
const seed = Number(process.env.HA_SEED);

const random = randomNumbers(seed);
const pick = (list) => list[Math.floor(random() * list.length)];
const cluster = new Cluster();
const through = pick([DIRECT, HAPROXY, PGBOUNCER]);
const lab = new Lab(cluster, "random", through);

before(async () => {
  await cluster.start();
  await lab.start(seed);
});
after(async () => {
  await lab.stop();
  await cluster.stop();
});

test(`nothing is lost, and nothing happens twice: with ${through}, seed ${seed}`, async (t) => {
  // Printed at once, because the test takes long.
  const print = (lines) => lines.forEach((line) => console.log(line));
  const end = Date.now() + minutes * 60_000;
  let count = 0;
  while (Date.now() < end) {
    await lab.endure({ ...pick(FAULTS), followsAnother: false }, print);
    count++;
  }
  await lab.check(print);
  t.diagnostic(`${count} faults`);
});
