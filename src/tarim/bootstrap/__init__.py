"""The one place where settings and real adapters meet the contexts.

Read `settings.py` for what can be set, `places.py` for what lies where, and `house.py` for how the parts are put together.
"""
