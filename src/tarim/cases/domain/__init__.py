"""Values, state table and rules of cases: no I/O and no clock."""
