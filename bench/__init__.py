"""Measures what docs/operating.md promises, each on a database of its own."""
