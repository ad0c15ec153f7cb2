"""The Jobs pane: what is processed, what it waits for, what came of it."""
