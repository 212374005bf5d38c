"""Intake: bytes and tables from outside become event batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tarim.base.errors import InputError, TarimError
from tarim.base.instants import Clock
from tarim.base.later import Later
from tarim.intake.assemble import ALWAYS_SEALED, SEAL_BIT, TOKENS, Assembler, Parts
from tarim.intake.columns.finish import TableParts
from tarim.intake.domain import EventBatch, IntakeLimits, Notes, Refusal, RefusedAt
from tarim.intake.message import decode_checked, decode_message, decode_messages
from tarim.intake.ports import NameScreen, Sealer
from tarim.intake.table import read_table
from tarim.privacy import SealKeys, Tokenizer, pack_bundle, pack_columns
from tarim.stream import ROW_WORDS, Col, Flag, Rows

_NO_KEYS: Final = np.zeros(0, np.uint64)
_PAYEE_NAME: Final = 1 << SEAL_BIT["payee_name"]
_MASKS_CACHED: Final = 4_096
_ALWAYS: Final = sum(1 << SEAL_BIT[name] for name in ALWAYS_SEALED)


class Intake:
    """Strict decoding of everything that comes from outside, one place for all its forms.

    Not for use by two threads at once.  Without a vault (`vault=None`) raw identifiers are dropped after tokenizing.
    Batches that were written to the journal are reported with `accepted`, so that its sealed values are not sealed again;
    a batch that was not written is simply forgotten.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        vault: Sealer | None = None,
        limits: IntakeLimits | None = None,
        *,
        clock: Clock,
    ) -> None:
        self.limits = limits or IntakeLimits()
        self._vault = vault
        self._clock = clock
        self._assembler = Assembler(tokenizer, self.limits)
        self._counts: Counter[str] = Counter()
        self._names: NameScreen | None = None

    def screen_names(self, names: NameScreen) -> None:
        """From now on have payees' names screened: of messages `Later` is raised while an answer is worth waiting for.

        Tables wait for nothing: they are asked about as well, and their rows get what is known then.
        """
        self._names = names

    def __repr__(self) -> str:
        return f"<Intake {dict(self._counts)}>"

    @property
    def counts(self) -> Mapping[str, int]:
        """Events so far: `taken`, and the refused by error code, such as `invalid-field` and `out-of-scope`."""
        return MappingProxyType(self._counts)

    def message(self, body: bytes, *, backfill: bool = False) -> EventBatch:
        """A batch of the one event in a JSON message.  Raises FieldError, OutOfScope, TooLarge or Later."""
        try:
            message = decode_message(body, self.limits)
            parts = self._assembler.parts(message, self._clock.now_ms(), _flags(backfill))
        except InputError as error:
            self._counts[error.code] += 1
            raise
        self._await_names((parts,))
        self._counts["taken"] += 1
        return self._batch((parts,))

    def messages(self, body: bytes, *, backfill: bool = False) -> EventBatch:
        """A batch of the events in a JSON array or `{"events": [...]}`; all of them or none.

        Raises FieldError or TooLarge about the whole, RefusedAt with the index of the first event that is refused, Later.
        """
        received_ms, flags = self._clock.now_ms(), _flags(backfill)
        taken: list[Parts] = []
        try:
            for index, event in enumerate(decode_messages(body, self.limits)):
                try:
                    taken.append(self._assembler.parts(decode_checked(event), received_ms, flags))
                except InputError as error:
                    raise RefusedAt(index, error) from None
        except InputError as error:
            self._counts[error.code] += 1
            raise
        self._await_names(taken)
        self._counts["taken"] += len(taken)
        return self._batch(taken)

    def group(self, bodies: Sequence[bytes]) -> tuple[EventBatch, list[TarimError | None]]:
        """One batch of all good messages out of several callers' bodies, and for each body None or its own error.

        The k-th event of the batch belongs to the k-th body without an error; `Later` stands for a body to be read again.
        Keys of new customers are made durable once for the group, so this is the form for a service under load.
        """
        received_ms = self._clock.now_ms()
        taken: list[Parts] = []
        errors: list[TarimError | None] = []
        for body in bodies:
            try:
                parts = self._assembler.parts(decode_message(body, self.limits), received_ms)
                self._await_names((parts,))
            except InputError as error:
                self._counts[error.code] += 1
                errors.append(error)
            except Later as later:
                errors.append(later)
            else:
                taken.append(parts)
                errors.append(None)
        self._counts["taken"] += len(taken)
        return self._batch(taken), errors

    def table(
        self,
        batch: pa.RecordBatch,
        *,
        source: str | None = None,
        received_ms: int | npt.NDArray[np.int64] | None = None,
        backfill: bool = False,
    ) -> tuple[EventBatch, list[Refusal]]:
        """The good rows of a table in envelope columns, and a refusal for each of the others.

        source: for tables without that column, and for rows without a value in it.  received_ms: one moment or one a
        row, shape (n,); now if it is not given.  Raises FieldError about the table as a whole (an unknown, repeated or
        missing column), TooLarge.
        """
        parts = self.read(batch, source=source, received_ms=received_ms, backfill=backfill)
        return self.seal(parts), parts.refusals

    def read(
        self,
        batch: pa.RecordBatch,
        *,
        source: str | None = None,
        received_ms: int | npt.NDArray[np.int64] | None = None,
        backfill: bool = False,
    ) -> TableParts:
        """The first half of `table`: all checks and tokens, nothing sealed yet.

        One thread may read the next table while another seals this one.
        """
        received = self._clock.now_ms() if received_ms is None else received_ms
        parts = read_table(batch, self._assembler, received, source, _flags(backfill))
        if self._names is not None:
            names = _new_names(parts, self._names)
            if names:
                self._names.ask(names)
            self._names.mark(parts.rows, parts.text_hashes[:, 0])
        self._counts["taken"] += len(parts.event_ids)
        for refusal in parts.refusals:
            self._counts[refusal.code] += 1
        return parts

    def seal(self, parts: TableParts) -> EventBatch:
        """The second half of `table`.  Raises Unavailable."""
        sealed, keys = self._seal_table(parts)
        return EventBatch(parts.rows, parts.event_ids, parts.sources, parts.notes, sealed, keys)

    def accepted(self, batches: Sequence[EventBatch]) -> None:
        """All of these batches lies in the journal: what they sealed need not be sealed again.

        Not for a batch of which an event was refused later (another content under the same event_id): what was sealed
        with that event is nowhere then.  Not calling this is always safe and only costs sealing again.
        """
        keys = [batch.seal_keys for batch in batches if len(batch.seal_keys)]
        if self._vault is not None and keys:
            self._vault.remember(np.concatenate(keys))

    def _await_names(self, taken: Sequence[Parts]) -> None:
        """Nothing when every payee's name has its answer.  Raises Later."""
        screen = self._names
        if screen is None:
            return
        unknown = [parts for parts in taken if parts.text_hashes[0] and not screen.is_answered(parts.text_hashes[0])]
        if unknown:
            later = screen.ask({parts.text_hashes[0]: _of_mask(parts, _PAYEE_NAME)[0] for parts in unknown})
            if later is not None:
                raise later

    def _batch(self, taken: Sequence[Parts]) -> EventBatch:
        rows = np.frombuffer(bytearray().join(parts.row for parts in taken), np.int64).reshape(len(taken), ROW_WORDS)
        if self._names is not None and len(taken):
            self._names.mark(rows, np.array([parts.text_hashes[0] for parts in taken], np.int64))
        sealed, keys = self._seal(rows, taken)
        notes: list[Notes | None] = [parts.notes for parts in taken]
        return EventBatch(
            rows, [parts.event_id for parts in taken], [parts.source for parts in taken], notes, sealed, keys
        )

    def _seal(self, rows: Rows, taken: Sequence[Parts]) -> tuple[list[bytes | None], SealKeys]:
        """Sealed bytes of events that came as messages; `rows` are theirs."""
        sealed: list[bytes | None] = [None] * len(taken)
        vault = self._vault
        if vault is None or not taken:
            return sealed, _NO_KEYS
        need = np.array([parts.need for parts in taken], np.int64)
        texts = np.array([parts.text_hashes for parts in taken], np.int64)
        keys = vault.unsealed(rows[:, TOKENS], texts, need)
        places: list[int] = []
        bundles: list[bytes] = []
        for place, bits in enumerate(need.tolist()):
            if bits:
                places.append(place)
                bundles.append(pack_bundle(bits, _of_mask(taken[place], bits)))
        if places:
            customers = np.array([taken[place].customer for place in places], np.int64)
            for place, blob in zip(places, vault.seal_bundles(customers, bundles), strict=True):
                sealed[place] = blob
        return sealed, keys

    def _seal_table(self, parts: TableParts) -> tuple[list[bytes | None], SealKeys]:
        sealed: list[bytes | None] = [None] * len(parts.event_ids)
        vault = self._vault
        if vault is None or not sealed:
            return sealed, _NO_KEYS
        need = _always(parts)
        keys = vault.unsealed(parts.rows[:, TOKENS], parts.text_hashes, need)
        slow = {place: int(need[place]) for place in parts.slow if need[place]}
        need[list(parts.slow)] = 0
        places, customers, bundles = _bundles(parts, need)
        places += slow
        customers = np.concatenate([customers, parts.rows[list(slow), Col.CUSTOMER]])
        bundles += [pack_bundle(bits, _of_mask(parts.slow[place], bits)) for place, bits in slow.items()]
        if places:
            for place, blob in zip(places, vault.seal_bundles(customers, bundles), strict=True):
                sealed[place] = blob
        return sealed, keys


def _new_names(parts: TableParts, screen: NameScreen) -> dict[int, str]:
    """Payees' names of a table that are not answered, by keyed hash."""
    tokens, places = np.unique(parts.text_hashes[:, 0], return_index=True)
    return {
        token: _of_mask(parts.slow[place], _PAYEE_NAME)[0]
        if place in parts.slow
        else parts.texts["payee_name"][place].as_py()
        for token, place in zip(tokens.tolist(), places.tolist(), strict=True)
        if token and not screen.is_answered(token)
    }


def _always(parts: TableParts) -> npt.NDArray[np.int64]:
    """For each row the bits that must be sealed whatever the vault knows, shape (n,)."""
    need = np.zeros(len(parts.rows), np.int64)
    for name in ALWAYS_SEALED:
        if name in parts.texts:
            need[parts.texts[name].is_valid().to_numpy(zero_copy_only=False)] |= 1 << SEAL_BIT[name]
    for place, one in parts.slow.items():
        need[place] = one.need
    return need


def _bundles(parts: TableParts, need: npt.NDArray[np.int64]) -> tuple[list[int], npt.NDArray[np.int64], list[bytes]]:
    """What is to be sealed of the rows that came the fast way: with which row, for which customer, n of each.

    The rows of one customer share what is sealed, with the first of them; a row with facts of its moment stands alone.
    """
    chosen = np.flatnonzero(need)
    owners = parts.rows[chosen, Col.CUSTOMER]
    order = np.argsort(owners, kind="stable")
    chosen, owners = chosen[order], owners[order]
    columns = {bit: parts.texts[name] for name, bit in SEAL_BIT.items() if name in parts.texts}
    packed, ends = pack_columns(need, columns, chosen)
    alone = (need[chosen] & _ALWAYS) != 0
    first = np.ones(len(chosen), np.bool_)
    first[1:] = (owners[1:] != owners[:-1]) | alone[1:] | alone[:-1]
    starts = np.flatnonzero(first)
    cuts = np.append(ends[starts], ends[-1]).tolist()
    bundles = [packed[begin:end] for begin, end in pairwise(cuts)]
    return chosen[starts].tolist(), owners[starts], bundles


def _of_mask(parts: Parts, need: int) -> Sequence[str]:
    """The raw values of the bits in `need`, which are all among the event's."""
    if need == parts.mask:
        return parts.raws
    return [parts.raws[place] for place in _places(parts.mask, need)]


@lru_cache(_MASKS_CACHED)
def _places(mask: int, need: int) -> tuple[int, ...]:
    """Where values of the bits in `need` lie among those of the bits in `mask`."""
    bits = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
    return tuple(place for place, bit in enumerate(bits) if need >> bit & 1)


def _flags(backfill: bool) -> int:
    return int(Flag.BACKFILL) if backfill else 0
