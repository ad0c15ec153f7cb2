"""A studio's own server: broker, database and agent for many workstations, on real addresses."""
