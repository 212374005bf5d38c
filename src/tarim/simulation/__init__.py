"""A seeded bank to play with: customers, their days, and the fraud among them."""
