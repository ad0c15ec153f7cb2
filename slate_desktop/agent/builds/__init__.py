"""Work on builds: workspaces, programs, logs, verdicts, artifacts; plugged into ``agent.jobs``."""
