"""Where drafts and saved views lie."""
