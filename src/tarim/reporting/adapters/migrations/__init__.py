"""Revisions of the tables of reports."""
