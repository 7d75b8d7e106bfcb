-- Nothing: SQLite finds the referenced rows within the process, at no measurable cost, and removes
-- a constraint only with its table.
SELECT 1;
