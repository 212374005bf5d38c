"""How the tables of the workspace came to be, in order."""
