-- Places the same order in a single round trip, the fastest form of one transaction per order.
\set user random(1, 1000)
\set side random(0, 1)
SELECT place(:user, :side);
