"""Values of the trail: entries, their chain, anchors, and what an examination finds.  No I/O, no clock."""
