"""The real-time path: features, rules and score become one outcome with reasons.

`Decider` judges: rows and features in, decisions out, pure.  `DecisionService` keeps the promises around it: a retry gets
the first answer, other content is a conflict, and what is answered lies in the journal.  `GroupCommit` is its asynchronous
front, `recover` and `Snapshots` bring it back after a stop, and `advance` replays or verifies what was decided.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.decisions.aftermath import Aftermath
    from tarim.decisions.backtest import Backtest
    from tarim.decisions.backtest_input import Draft, Labels
    from tarim.decisions.backtest_results import DraftResult, Measured, Tally
    from tarim.decisions.decided import Decided, Records, Result, Taken
    from tarim.decisions.domain import (
        DECISION_WORDS,
        WHOLE,
        Beside,
        Effects,
        Grounds,
        Language,
        Lineup,
        Reason,
        Word,
        champion_scores,
        effective_of,
        hits_of,
        outcome_of,
        score_of,
    )
    from tarim.decisions.governance import (
        REASON_CHARACTERS_MAX,
        Governance,
        Override,
        Proposed,
    )
    from tarim.decisions.governing import Governor
    from tarim.decisions.groups import GroupCommit, GroupLimits, Watcher
    from tarim.decisions.hold_word import hold_seconds, hold_shortfall
    from tarim.decisions.holding import HoldDesk
    from tarim.decisions.holds import HELD, Action, Cause, Change, Hold, Holds, HoldsState, HoldState
    from tarim.decisions.indicators import Figure, Indicators, IndicatorSettings, Reading
    from tarim.decisions.model_governing import EXPORT, ModelGovernor
    from tarim.decisions.passing import pass_over
    from tarim.decisions.policy import (
        VERIFICATION_WEIGHT,
        Decider,
        Decisions,
        Lists,
        Scorer,
        policy_version,
        reasons_of,
    )
    from tarim.decisions.ports import Batch, FeatureEngine, Judge, Log, LogReader, LogRecord, Reader
    from tarim.decisions.probe_settings import ProbeSettings
    from tarim.decisions.probing import Probe, ProbeWatch
    from tarim.decisions.records import Control, Events, RecordKind, Versions, decode_control, decode_events
    from tarim.decisions.recovery import Judges, Look, Recovered, Replayed, advance, recover
    from tarim.decisions.registry import (
        MODEL,
        LedgerNote,
        ModelRecord,
        Registry,
        encode_model_record,
    )
    from tarim.decisions.scored import Scored, scored_events
    from tarim.decisions.seen import NEW, OTHER, SAME, Seen
    from tarim.decisions.service import DecisionService
    from tarim.decisions.snapshots import Snapshots, State
    from tarim.decisions.switch_reviewing import SwitchReviewer
    from tarim.decisions.switch_reviews import ReviewState, SwitchReview
    from tarim.decisions.switches import EVERY_MODEL, EVERY_RULE, Switch, SwitchKind
    from tarim.decisions.treatment import Treatment, default_treatment, read_treatment
    from tarim.decisions.verification import METHODS, OwnLimit, strength
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "Action",
    "Aftermath",
    "Backtest",
    "Batch",
    "Beside",
    "Cause",
    "Change",
    "Control",
    "DECISION_WORDS",
    "Decided",
    "Decider",
    "DecisionService",
    "Decisions",
    "Draft",
    "DraftResult",
    "EVERY_MODEL",
    "EVERY_RULE",
    "EXPORT",
    "Effects",
    "Events",
    "FeatureEngine",
    "Figure",
    "Governance",
    "Governor",
    "Grounds",
    "GroupCommit",
    "IndicatorSettings",
    "Indicators",
    "GroupLimits",
    "HELD",
    "Hold",
    "HoldDesk",
    "HoldState",
    "Holds",
    "HoldsState",
    "Judge",
    "Judges",
    "Labels",
    "Language",
    "LedgerNote",
    "Lineup",
    "Lists",
    "Log",
    "LogReader",
    "LogRecord",
    "Look",
    "METHODS",
    "MODEL",
    "Measured",
    "ModelGovernor",
    "ModelRecord",
    "NEW",
    "OTHER",
    "Override",
    "OwnLimit",
    "Probe",
    "ProbeSettings",
    "ProbeWatch",
    "Proposed",
    "REASON_CHARACTERS_MAX",
    "Reader",
    "Reading",
    "Reason",
    "RecordKind",
    "Records",
    "Recovered",
    "Replayed",
    "Registry",
    "Result",
    "ReviewState",
    "SAME",
    "Scored",
    "Scorer",
    "Seen",
    "Snapshots",
    "State",
    "Switch",
    "SwitchKind",
    "SwitchReview",
    "SwitchReviewer",
    "Taken",
    "Tally",
    "Treatment",
    "VERIFICATION_WEIGHT",
    "Versions",
    "WHOLE",
    "Watcher",
    "Word",
    "champion_scores",
    "advance",
    "decode_control",
    "decode_events",
    "default_treatment",
    "effective_of",
    "encode_model_record",
    "hits_of",
    "hold_seconds",
    "hold_shortfall",
    "outcome_of",
    "policy_version",
    "read_treatment",
    "reasons_of",
    "pass_over",
    "recover",
    "score_of",
    "scored_events",
    "strength",
]
