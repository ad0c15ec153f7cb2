"""A project's files and the hosts that need them: how they stand, and what is done about it."""
