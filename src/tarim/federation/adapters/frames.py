"""Frames on a connection of one direction: data there, acknowledgements back.

    head      40 bytes: magic, kind, step tag, sequence number, length of the body, lane
    HELLO     first on a connection, from the side that dials: run id (16 bytes), whether the dialler sends or receives; its
              number is 1 when the run has been answered before, 0 when it may begin
    WELCOME   first from the side that receives; its number is what has arrived so far
    DATA      a message; numbers go up by one, so a message that is missing, twice or out of order is noticed
    PART      the beginning of a message of its lane, or more of it; what is last comes as DATA
    ACK       everything below this number has arrived
    BYE       nothing more comes
    GONE      the answer to a HELLO of a run that was under way and is not known here: it is over, or its process ended

The connection is TLS, so a changed byte ends it; the numbers say what happened between two connections.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from tarim.federation.errors import ProtocolBroken

FRAME_BYTES_MAX: Final = 1 << 30
"""Largest body of a frame."""
STEP_TAG_BYTES: Final = 8
LANES: Final = 2
"""What waits in a later lane lets everything of an earlier one pass."""
_HEAD: Final = struct.Struct("<4sI8sQQQ")
_MAGIC: Final = b"TFD2"

Read = Callable[[int], bytearray]
"""Gives exactly so many bytes.  Raises OSError or EOFError when the connection is gone."""


class Kind(IntEnum):
    """What a frame is."""

    HELLO = 1
    WELCOME = 2
    DATA = 3
    ACK = 4
    BYE = 5
    GONE = 6
    PART = 7


class Frame(NamedTuple):
    """A frame as it came.  number: see the module, by kind."""

    kind: Kind
    tag: bytes
    number: int
    body: bytearray
    lane: int = 0


@lru_cache(maxsize=4_096)
def tag_of(step: str) -> bytes:
    """What stands for the name of a step."""
    return hashlib.blake2b(step.encode(), digest_size=STEP_TAG_BYTES).digest()


def head(kind: Kind, tag: bytes, number: int, length: int, lane: int = 0) -> bytes:
    """The head of a frame whose body has this length."""
    return _HEAD.pack(_MAGIC, kind, tag, number, length, lane)


def read_frame(read: Read, length_max: int = FRAME_BYTES_MAX) -> Frame:
    """The next frame.  Raises ProtocolBroken for bytes that are none, and what `read` raises."""
    magic, kind, tag, number, length, lane = _HEAD.unpack(read(_HEAD.size))
    if magic != _MAGIC or kind not in Kind.__members__.values() or lane >= LANES:
        raise ProtocolBroken("the other side does not speak this protocol, or another version of it")
    if length > length_max:
        raise ProtocolBroken(f"a message of {length} bytes came; at most {length_max} are taken")
    return Frame(Kind(kind), tag, number, read(length) if length else bytearray(), lane)
