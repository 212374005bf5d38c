"""Compiled loops over the link store's arrays."""
