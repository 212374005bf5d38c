"""One node of SPU: shares come in, compiled programs run on them, and parts of the results go out.

Opening a value is one call, `open_to`, which names the recipient and leaves an entry in `openings`.  What a program leaves is
not opened but kept as additive parts of the two companies (`additive_part`), which is how this project's own engine holds it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Final

import jax
import numpy as np
import numpy.typing as npt
import spu
from spu import libspu
from spu.utils import frontend

from .lines import Line

FIRST: Final = 0
SECOND: Final = 1
NODES: Final = {"aby3": 3, "cheetah": 2, "semi2k": 2}
_COUNT: Final = struct.Struct("<I")
_LENGTH: Final = struct.Struct("<Q")

Array = npt.NDArray[Any]


class Node:
    """The state of this node.  lines: to every other node, None at its own rank."""

    def __init__(self, protocol: str, rank: int, lines: Sequence[Line | None], fraction_bits: int, agreed: str) -> None:
        """agreed: what all nodes must have been told alike.  Raises ValueError when another node was told otherwise."""
        self.rank, self._nodes, self._protocol = rank, NODES[protocol], protocol
        self.link = connected(rank, lines)
        require_agreement(self.link, f"{agreed} {libspu._get_version()} {version('jax')}")
        config = libspu.RuntimeConfig(
            protocol=getattr(libspu.ProtocolKind, protocol.upper()),
            field=libspu.FieldType.FM64,
            fxp_fraction_bits=fraction_bits,
        )
        if protocol == "semi2k":
            config.beaver_type = libspu.RuntimeConfig.BeaverType.TrustedFirstParty
        self._io, self._runtime = spu.Io(self._nodes, config), spu.Runtime(self.link, config)
        self._shapes: dict[str, Array] = {}
        self._programs: dict[str, tuple[bytes, list[Array]]] = {}
        self.openings: list[tuple[str, int, tuple[int, ...]]] = []

    def share(self, name: str, owner: int, like: Array, values: Array | None = None) -> None:
        """Share what the owner has: values there, None elsewhere.  like: an array of the same shape and type."""
        if self.rank == owner:
            assert values is not None and values.shape == like.shape and values.dtype == like.dtype
            parts = self._io.make_shares(np.ascontiguousarray(values), libspu.Visibility.VIS_SECRET, owner)
            for rank in range(self._nodes):
                if rank != owner:
                    self.link.send(rank, _packed(parts[rank]))
            part = parts[owner]
        else:
            part = _unpacked(self.link.recv(owner))
        self._runtime.set_var(name, part)
        if tuple(self._runtime.get_var_meta(name).shape.dims) != like.shape:
            raise ValueError(f"node {owner} shared another shape than agreed")
        self._shapes[name] = np.broadcast_to(np.zeros((), like.dtype), like.shape)

    def compute(self, key: str, function: Callable[..., Any], inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Run a function of JAX arrays on shared values; the results stay shared.  key: names what is compiled, once."""
        if key not in self._programs:
            self._programs[key] = self._compiled(function, [self._shapes[name] for name in inputs])
        code, shapes = self._programs[key]
        self._runtime.run(libspu.Executable(name=key, input_names=list(inputs), output_names=list(outputs), code=code))
        self._shapes.update(zip(outputs, shapes, strict=True))

    def open_to(self, name: str, recipient: int, what: str) -> Array | None:
        """The value at the recipient, None elsewhere."""
        self.openings.append((what, recipient, tuple(self._shapes[name].shape)))
        part = self._runtime.get_var(name)
        if self.rank != recipient:
            self.link.send(recipient, _packed(part))
            return None
        found: Array = self._io.reconstruct(
            [part if rank == self.rank else _unpacked(self.link.recv(rank)) for rank in range(self._nodes)]
        )
        return found

    def additive_part(self, name: str) -> npt.NDArray[np.uint64] | None:
        """This company's part of a shared value, modulo 2^64; the parts of both add up to it.  None at a custodian.

        ABY3 gives node i the parts x_i and x_(i+1) of x_0 + x_1 + x_2: the first company adds its two, the second keeps x_2.
        Nothing is sent.
        """
        if self.rank > SECOND:
            return None
        words = np.frombuffer(_content(self._runtime.get_var(name)), np.uint64)
        shape = self._shapes[name].shape
        if self._protocol != "aby3":
            return words.reshape(shape).copy()
        pairs = words.reshape(-1, 2)
        part = pairs[:, 0] + pairs[:, 1] if self.rank == FIRST else pairs[:, 1].copy()
        return part.reshape(shape)

    def forget(self, *names: str) -> None:
        """Shared values that are needed no more."""
        for name in names:
            self._runtime.del_var(name)
            del self._shapes[name]

    def _compiled(self, function: Callable[..., Any], shapes: Sequence[Array]) -> tuple[bytes, list[Array]]:
        executable, out = frontend.compile(
            frontend.Kind.JAX,
            function,
            list(shapes),
            {},
            [f"in{place}" for place in range(len(shapes))],
            [libspu.Visibility.VIS_SECRET] * len(shapes),
            lambda flat: [f"out{place}" for place in range(len(flat))],
        )
        flat = jax.tree_util.tree_flatten(out)[0]
        return executable.code, [np.broadcast_to(np.zeros((), each.dtype), each.shape) for each in flat]


def connected(rank: int, lines: Sequence[Line | None]) -> Any:
    """SPU's context over these lines."""
    description = libspu.link.Desc()
    for place in range(len(lines)):
        description.add_party(f"node-{place}", f"node-{place}")
    return libspu.link.create_with_channels(description, rank, list(lines))


def require_agreement(link: Any, agreed: str) -> None:
    """Nothing when all nodes were told the same.  Raises ValueError."""
    others = [rank for rank in range(link.world_size) if rank != link.rank]
    for rank in others:
        link.send(rank, agreed.encode())
    if any(link.recv(rank) != agreed.encode() for rank in others):
        raise ValueError("the nodes do not agree on what is computed, or run different versions of SPU or JAX")


def _packed(part: Any) -> bytes:
    """A share, for sending: its description and its pieces, each after its length."""
    pieces = [part.meta, *part.share_chunks]
    return _COUNT.pack(len(pieces)) + b"".join(_LENGTH.pack(len(piece)) + piece for piece in pieces)


def _unpacked(content: bytes) -> Any:
    """What `_packed` was given.  Raises ValueError."""
    (count,) = _COUNT.unpack_from(content)
    at, pieces = _COUNT.size, []
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        pieces.append(content[at : at + length])
        at += length
    if at != len(content) or not pieces:
        raise ValueError("a share arrived damaged")
    part = libspu.Share()
    part.meta, part.share_chunks = pieces[0], pieces[1:]
    return part


def _content(part: Any) -> bytes:
    """The ring elements of a share as they lie in memory."""
    found = []
    for piece in part.share_chunks:
        chunk = libspu.ValueChunk()
        chunk.ParseFromString(piece)
        found.append(chunk.content)
    return b"".join(found)
