"""Simulated days as files."""
