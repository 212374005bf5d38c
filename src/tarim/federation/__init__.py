"""Federation: two companies compute together without showing their data.

Semi-honest, no dealer, not yet independently audited.  A session joins two parties; on it stand oblivious transfer,
garbled circuits and shares modulo 2^64.  A `Party` is one company's node: peers, data sets, contracts, runs, questions.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.federation.channel import Channel, Spec
    from tarim.federation.errors import ContractBreach, FederationError, PeerLost, ProtocolBroken, ShareMisuse
    from tarim.federation.node.book import Kept, Peer, Run
    from tarim.federation.node.contract import Contract, Member
    from tarim.federation.node.data_sets import DataSet, registered
    from tarim.federation.node.drafts import contract_of, read_draft
    from tarim.federation.node.folders import Card, Kind, make_party, read_card
    from tarim.federation.node.party import Party
    from tarim.federation.node.picture import picture
    from tarim.federation.node.probing import TEXTS as ALARM_TEXTS
    from tarim.federation.node.probing import Alarms
    from tarim.federation.node.scorecards import Scorecard, read_scorecard
    from tarim.federation.node.screening import Screened
    from tarim.federation.node.serving import Serving
    from tarim.federation.node.transcripts import Transcript, verify_transcript
    from tarim.federation.second_engine.interpreter import INTERPRETER as SPU_SETTING
    from tarim.federation.second_engine.interpreter import Readiness, second_engine_readiness
    from tarim.federation.session import Role, Session
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "ALARM_TEXTS",
    "Alarms",
    "Card",
    "Channel",
    "Contract",
    "ContractBreach",
    "DataSet",
    "FederationError",
    "Kept",
    "Kind",
    "Member",
    "Party",
    "Peer",
    "PeerLost",
    "ProtocolBroken",
    "Readiness",
    "Role",
    "Run",
    "SPU_SETTING",
    "Scorecard",
    "Screened",
    "Serving",
    "Session",
    "ShareMisuse",
    "Spec",
    "Transcript",
    "contract_of",
    "make_party",
    "picture",
    "read_card",
    "read_draft",
    "read_scorecard",
    "registered",
    "second_engine_readiness",
    "verify_transcript",
]
