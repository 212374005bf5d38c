"""Rule text becomes a checked tree, then a compiled kernel."""
