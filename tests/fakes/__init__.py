"""Fakes at the ports."""
