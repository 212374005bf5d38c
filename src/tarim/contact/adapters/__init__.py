"""Tables and the wire of contact."""
