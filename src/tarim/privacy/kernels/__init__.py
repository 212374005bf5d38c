"""Compiled loops of this context."""
