"""Words everyone speaks, such as errors and instants, and what every context does alike."""
