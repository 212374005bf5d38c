"""A reference channel: the callbacks that a bank's channel implements for contact with customers, as small as they can be.

It is written from the guide (`docs/how-to/connect-a-channel.md`) and shares no code with the other side, so it also shows that
the guide is enough.  It is no bank's channel: it keeps what it was sent in the open, for tests and for trying things out.
"""

from tarim.simulation.channel.server import ChannelSettings, ReferenceChannel, open_memory
from tarim.simulation.channel.signing import ChannelKey, ed25519_key, hmac_key

__all__ = ["ChannelKey", "ChannelSettings", "ReferenceChannel", "ed25519_key", "hmac_key", "open_memory"]
