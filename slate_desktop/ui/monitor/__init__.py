"""The Performance pane's graphs, marks and hosts."""
