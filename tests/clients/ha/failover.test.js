// matchcast on a PostgreSQL cluster that fails over by itself, with each fault in turn: once with
// all nodes in DATABASE_URL, once through HAProxy, and once through PgBouncer in transaction mode.
//
// The figures of each fault are printed. A time that misses its aim fails no test, because a busy
// machine would make it do so; a lost order, one that was executed twice, an answer that was not
// true, and an event that was not heard do.
import { after, before, describe, test } from "node:test";
import { Cluster, DIRECT, HAPROXY, PGBOUNCER } from "./cluster.js";
import { FAULTS } from "./faults.js";
import { Lab } from "./lab.js";

const SEED = 1;
const only = process.env.HA_ONLY;

const cluster = new Cluster();
before(() => cluster.start());
after(() => cluster.stop());

const ofCluster = FAULTS.filter(
  ({ isOfMatchcast, followsAnother }) => !isOfMatchcast && !followsAnother,
);
const connections = [
  { through: DIRECT, database: "direct", faults: FAULTS },
  { through: HAPROXY, database: "haproxy", faults: ofCluster },
  { through: PGBOUNCER, database: "pooled", faults: ofCluster },
];

for (const { through, database, faults } of connections) {
  describe(`with ${through}`, () => {
    const lab = new Lab(cluster, database, through);
    before(() => lab.start(SEED));
    after(() => lab.stop());
    for (const fault of faults) {
      if (only && !`${through}: ${fault.name}`.match(only)) continue;
      test(`nothing is lost, and nothing happens twice: ${fault.name}`, async (t) => {
        const print = (lines) => lines.forEach((line) => t.diagnostic(line));
        await lab.endure(fault, print);
        await lab.check(print);
      });
    }
  });
}
