"""What the protocols need of a connection: arrays to the other side, in order, each under the name of its step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Spec = tuple[npt.DTypeLike, Shape]
"""Type and shape of an expected array; both sides know them beforehand."""


class Channel(Protocol):
    """A connection to the other party.  Sending does not wait for the other side to read."""

    def send(self, step: str, *arrays: Array) -> None:
        """Send arrays as one message of this step."""

    def receive(self, step: str, *specs: Spec) -> Sequence[Array]:
        """The next message's arrays; read-only.

        Raises ProtocolBroken when it is of another step, of another size, out of order or damaged, and PeerLost.
        """

    def beside(self) -> Channel:
        """A second channel to the same party, for one other thread and for what may wait: what is sent here passes it."""


def receive_one(channel: Channel, step: str, kind: npt.DTypeLike, *shape: int) -> Array:
    """The only array of the next message."""
    (array,) = channel.receive(step, (kind, shape))
    return array


def packed(bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Bits, eight to a byte."""
    return np.packbits(bits.reshape(-1), bitorder="little")


def unpacked(data: Array, shape: Shape) -> npt.NDArray[np.uint8]:
    """What `packed` was given, of this shape."""
    return np.unpackbits(data, count=int(np.prod(shape)), bitorder="little").reshape(shape)


def packed_bytes(count: int) -> int:
    """Size of so many packed bits."""
    return -(-count // 8)


def octets(numbers: Array) -> npt.NDArray[np.uint8]:
    """Bytes of each number, the low ones first, on one more axis; a view."""
    return numbers.view(np.uint8).reshape(*numbers.shape, numbers.itemsize)


def sent_bytes(bits: int) -> int:
    """Bytes of numbers of which so many bits mean something."""
    return -(-bits // 8)
