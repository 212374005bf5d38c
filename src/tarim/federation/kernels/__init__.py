"""Compiled loops of the secure protocols: pure arithmetic over arrays, no randomness, no network."""
