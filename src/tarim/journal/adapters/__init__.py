"""The journal as files in one folder."""
