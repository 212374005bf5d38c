"""Compiled loops over the engine's arena."""
