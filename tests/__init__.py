"""Tests of Tarim; fakes are imported as `tests.fakes`."""
