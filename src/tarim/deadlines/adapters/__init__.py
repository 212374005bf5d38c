"""Where the calendar's notices are read from."""
