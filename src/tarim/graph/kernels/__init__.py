"""Compiled loops over a graph's arrays."""
