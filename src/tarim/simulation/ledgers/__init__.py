"""Published simulated ledgers as events of the envelope, streamed in bounded memory.

    handbook_events    the card payments of the Fraud Detection Handbook
    gentex_events      a laundering ledger made with AMLGentex

Both yield record batches of LEDGER_SCHEMA in event-time order.  What is known about an event arrives as an event of kind
label, a stated delay later and ahead of every other event of the same instant.
"""

from tarim.simulation.ledgers.gentex import gentex_events
from tarim.simulation.ledgers.handbook import HANDBOOK_LABEL_DELAY_MS, handbook_events
from tarim.simulation.ledgers.stream import LEDGER_SCHEMA, Labels

__all__ = ["LEDGER_SCHEMA", "Labels", "handbook_events", "HANDBOOK_LABEL_DELAY_MS", "gentex_events"]
