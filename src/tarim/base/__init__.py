"""Words everyone speaks: errors and instants."""
