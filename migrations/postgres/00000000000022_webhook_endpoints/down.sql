DROP TABLE webhook_messages;
DROP TABLE webhook_endpoints;
ALTER TABLE provider_webhooks RENAME TO webhooks;
