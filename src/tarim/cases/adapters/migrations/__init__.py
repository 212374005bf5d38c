"""Revisions of the tables of cases."""
