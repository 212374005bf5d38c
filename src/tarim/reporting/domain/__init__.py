"""Reports as values: what they hold, the rules on it, their states, and the words made from facts.  No I/O, no clock."""
