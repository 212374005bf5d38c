"""Roles, persons, passwords, lockout, sessions: values and rules without I/O or clock."""
