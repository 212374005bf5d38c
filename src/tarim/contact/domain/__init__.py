"""What contact with a customer means: values, states and texts.  No I/O, no clock."""
