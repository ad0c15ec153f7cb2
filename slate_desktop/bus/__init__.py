"""The message bus: NATS, and an in-memory one that the same contract suite runs on."""
