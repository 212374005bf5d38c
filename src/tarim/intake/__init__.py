"""Messages and files from outside become event rows."""
