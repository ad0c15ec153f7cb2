"""The headless worker: containers, logs and metrics on one host. Qt is never imported here."""
