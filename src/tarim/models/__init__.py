"""Models: load, train, evaluate in plain form, explain."""
