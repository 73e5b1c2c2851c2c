"""Tests that break things on purpose, with real processes."""
