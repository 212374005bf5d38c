"""Tables of the desk itself."""
