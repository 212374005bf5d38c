"""Compiled loops of the decision path."""
