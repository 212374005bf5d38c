"""History of the tables, by Alembic."""
