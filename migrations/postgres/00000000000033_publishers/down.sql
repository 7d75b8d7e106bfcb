DROP TABLE publisher_shards;
DROP TABLE publishers;
