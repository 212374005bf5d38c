"""Measurements: `python -m bench` prints one table, `python -m bench.accept_engine` judges the engine against its bars."""
