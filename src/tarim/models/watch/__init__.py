"""Watch a model in use: has what goes into it shifted, and does it still tell fraud from the rest?

columns     what is watched: the score, every feature, and what the event itself says; each cut into bins
days        which days are not what their weekday says: public holidays, worked weekends
psi         how far counts lie from what is usual, given their mix of events, and the noise in that
baseline    what is usual, how much it varies from day to day, and from which value on a shift is an alarm
drift       the fold over events, hour by hour, and the alarms
maturity    AUC, KS, AP and alert precision by model and segment, once the labels have had time to arrive
trials      what a challenger would have caught, and whom it would have troubled, beside the champion
proposal    a document that proposes to train again, with its evidence; nothing is published by it
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.models.watch.baseline import (
        DAYS_MAX,
        DAYS_MIN,
        Baseline,
        BaselineFile,
        BaselineMaker,
        Sample,
        read_baseline,
    )
    from tarim.models.watch.columns import SCORE, Column
    from tarim.models.watch.days import Days
    from tarim.models.watch.drift import Alarm, Drift, Standing
    from tarim.models.watch.maturity import Maturity, Measure, latest_mature
    from tarim.models.watch.proposal import RetrainingProposal, proposal_of
    from tarim.models.watch.settings import WatchSettings
    from tarim.models.watch.trials import TrialFigures, Trials, together
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "Alarm",
    "Baseline",
    "BaselineFile",
    "BaselineMaker",
    "Column",
    "DAYS_MAX",
    "DAYS_MIN",
    "Days",
    "Drift",
    "Maturity",
    "Measure",
    "RetrainingProposal",
    "SCORE",
    "Sample",
    "Standing",
    "TrialFigures",
    "Trials",
    "WatchSettings",
    "latest_mature",
    "proposal_of",
    "read_baseline",
    "together",
]
