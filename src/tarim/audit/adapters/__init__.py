"""The trail in a database, anchors in a file, and the thread that writes."""
