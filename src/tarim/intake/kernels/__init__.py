"""Compiled loops of the intake."""
