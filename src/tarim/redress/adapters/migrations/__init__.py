"""The history of the tables of redress."""
