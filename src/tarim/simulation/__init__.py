"""A seeded bank to play with: customers, their days, and the fraud among them.

    for day in simulate_days(SimulationSettings(days=30)):
        day.events   # an Arrow table in the envelope's field names, in order of arrival
        day.truth    # which of these events are criminal, of which ring, and when that becomes known

The same settings give the same bytes, and a day never depends on how many days follow it.  Nothing here is about a
real person: every number, device and address is invented.

`ReferenceChannel` is the other side of contact with customers, as a process (`tarim contact reference-channel`).

`handbook_events` and `gentex_events` read published simulated ledgers as events of the same envelope.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.simulation.adapters.files import FileFormat, Written, write_days
    from tarim.simulation.bank import (
        LabelledRows,
        SimulatedDay,
        simulate,
        simulate_days,
        simulate_labelled_rows,
        simulate_rows,
    )
    from tarim.simulation.channel import (
        ChannelKey,
        ChannelSettings,
        ReferenceChannel,
        ed25519_key,
        hmac_key,
        open_memory,
    )
    from tarim.simulation.envelope import (
        CRIME_NAMES,
        CRIMES,
        EVENT_SCHEMA,
        PATTERNS,
        SCENARIO_EVENT_SCHEMA,
        SCENARIOS,
        TRUTH_SCHEMA,
    )
    from tarim.simulation.ledgers import (
        HANDBOOK_LABEL_DELAY_MS,
        LEDGER_SCHEMA,
        Labels,
        gentex_events,
        handbook_events,
    )
    from tarim.simulation.mixing import splitmix64
    from tarim.simulation.settings import CrimeSettings, LateBatch, SimulationSettings
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "SimulationSettings",
    "CrimeSettings",
    "LateBatch",
    "simulate",
    "simulate_days",
    "simulate_rows",
    "simulate_labelled_rows",
    "LabelledRows",
    "SimulatedDay",
    "EVENT_SCHEMA",
    "SCENARIO_EVENT_SCHEMA",
    "TRUTH_SCHEMA",
    "CRIMES",
    "CRIME_NAMES",
    "SCENARIOS",
    "PATTERNS",
    "write_days",
    "FileFormat",
    "Written",
    "LEDGER_SCHEMA",
    "Labels",
    "handbook_events",
    "HANDBOOK_LABEL_DELAY_MS",
    "gentex_events",
    "splitmix64",
    "ChannelKey",
    "ChannelSettings",
    "ReferenceChannel",
    "ed25519_key",
    "hmac_key",
    "open_memory",
]
