"""Federation: two companies compute together without showing their data.

Semi-honest, no dealer, not yet independently audited.  A session joins two parties; on it stand oblivious transfer,
garbled circuits and shares modulo 2^64.
"""

from tarim.federation.channel import Channel, Spec
from tarim.federation.errors import ContractBreach, FederationError, PeerLost, ProtocolBroken, ShareMisuse
from tarim.federation.session import Role, Session

__all__ = [
    "Channel",
    "ContractBreach",
    "FederationError",
    "PeerLost",
    "ProtocolBroken",
    "Role",
    "Session",
    "ShareMisuse",
    "Spec",
]
