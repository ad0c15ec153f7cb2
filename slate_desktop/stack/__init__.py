"""The embedded services of the local profile: nats-server, PostgreSQL and one agent."""
