"""Losses, complaints, disputes, requests of authorities: states, events and what follows from them.  No I/O, no clock."""
