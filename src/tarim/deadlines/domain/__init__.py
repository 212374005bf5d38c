"""Calendar, kinds of clocks, and when a period ends.  Values only: no I/O, no clock."""
