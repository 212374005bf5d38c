"""The durable, ordered log of everything that influenced a decision; the only truth."""
