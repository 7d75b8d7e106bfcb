DROP TABLE admin_log_head;
DROP TABLE admin_log;
