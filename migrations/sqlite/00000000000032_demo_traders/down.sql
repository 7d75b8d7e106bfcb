DROP TABLE demo_traders;
