"""The runtime console: a painter over a ring buffer of lines, with its filters and search."""
