DROP TABLE leases;
DROP TABLE delivered_events;
DROP TABLE set_aside_events;
DROP TABLE outbox;
