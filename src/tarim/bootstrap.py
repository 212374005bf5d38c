"""The one place where settings and real adapters meet the contexts."""
