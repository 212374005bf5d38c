"""Tarim: real-time transaction risk monitoring and private two-party matching for banks."""

__version__ = "0.1.0"
