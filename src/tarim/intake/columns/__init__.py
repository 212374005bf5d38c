"""The column checks of `table.py`."""
