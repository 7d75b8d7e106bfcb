DROP TABLE candles;
DROP INDEX trades_by_sequence;
CREATE INDEX trades_by_market ON trades (market_id, id);
