"""The command line: every action of the window, for scripts. No Qt is imported here."""
