"""PostgreSQL and the read cache: the only home of SQL."""
