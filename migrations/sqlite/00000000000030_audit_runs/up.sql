-- When `matchcast audit` has run, and what it has found.
CREATE TABLE audit_runs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    started_at TIMESTAMP NOT NULL,
    duration_ms BIGINT NOT NULL,
    -- The number of differences. 0: everything added up.
    findings INTEGER NOT NULL
);
