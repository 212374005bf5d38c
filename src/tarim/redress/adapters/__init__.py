"""Tables, kept documents, sealed packages."""
