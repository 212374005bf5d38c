"""Connections between two parties: mutual TLS with pinned certificates, frames, and coming back after a cut."""
