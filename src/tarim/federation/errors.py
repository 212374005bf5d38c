"""What ends a run, by name.

FederationError
├── ProtocolBroken     the other side sent something else than the protocol says; the run ends, no result is opened
├── PeerLost           the connection is gone and did not come back in time
├── ContractBreach     asked for something the contract does not cover
└── ShareMisuse        the program tried to look at a share as if it were a value
"""

from __future__ import annotations

from tarim.base.errors import NotAllowed, TarimError, Unavailable


class FederationError(TarimError):
    """Base of the troubles of joint computation."""

    http_status = 502
    code = "federation"


class ProtocolBroken(FederationError):
    """A message was of another step, size or order than expected, or damaged."""

    code = "protocol-broken"


class PeerLost(FederationError, Unavailable):
    """The other party cannot be reached any more."""

    http_status = 503
    code = "peer-lost"


class ContractBreach(FederationError, NotAllowed):
    """The contract does not cover this."""

    http_status = 403
    code = "contract-breach"


class ShareMisuse(FederationError):
    """A share is not a value: open it to somebody, by name."""

    http_status = 500
    code = "share-misuse"
