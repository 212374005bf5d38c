"""The scenarios "all": every typology of crime, genuine customers who look like it, and what both are hidden among.

Each kind of case has a random stream of its own a day, so changing one kind changes no other.
"""

from tarim.simulation.typologies.casebook import SERVICE_SHARE, cases_of_day, complete, services_of_day

__all__ = ["SERVICE_SHARE", "cases_of_day", "complete", "services_of_day"]
