"""Compiled loops of list membership and name matching."""
