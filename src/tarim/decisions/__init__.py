"""The real-time path: features, rules and score become one outcome with reasons."""
