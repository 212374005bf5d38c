"""Questions about customers to joint models, by the key the bank knows them by; counted and limited on both sides (ML-24).

    second -> first    the customers' places among the common ones
                       and the rows of its stock that it has claimed for them, when there are so many
    first -> second    whether it may be answered: uses, questions a day, questions a day about one customer
                       and whether its stock has the same rows, unused; it has claimed them too then
    both               `queries.QueryPool`: from the stock, or made for as many rows as are asked about

Both sides count before anything is computed, each in its own book; whoever tries more than the contract allows is refused and
has it in the transcript.  The first party learns which customers were asked about, as any register of consent demands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import NotFound, TarimError, TooLarge
from tarim.federation.channel import Array, Channel
from tarim.federation.errors import ContractBreach, ProtocolBroken
from tarim.federation.intersection import normalised
from tarim.federation.learning.boosting import JointTrees, binned
from tarim.federation.learning.encoding import Encoded
from tarim.federation.learning.histograms import Binned
from tarim.federation.learning.logistic import JointModel
from tarim.federation.node.computing import Progress
from tarim.federation.node.contract import Contract
from tarim.federation.node.conversations import Ask, Piece, Ready, hear, say
from tarim.federation.node.data_sets import Rows
from tarim.federation.node.models import ModelPart, ModelStore, trees_of
from tarim.federation.node.stock import PACKET_ROWS, Stock
from tarim.federation.node.terms import QueryTerms
from tarim.federation.node.trainings import encoded_rows
from tarim.federation.queries import Answer, QueryPool
from tarim.federation.session import Meeting, Opening, Role, Session

ROWS_MAX: Final = 10_000
"""Customers of one conversation."""

Places = npt.NDArray[np.int64]
Count = Callable[[Places], None]
"""Counts questions about these rows, or raises ContractBreach; see `Limits`."""
Noted = Callable[[Opening], None]
"""Told of each opening before it."""


Own = Encoded | tuple[Binned, ...]
"""Rows as the models want them, see `QueryPool`."""


class NotCommon(NotFound):
    """Customers were asked about whom the parties do not have in common.  customers: how many."""

    def __init__(self, detail: str, customers: int) -> None:
        super().__init__(detail)
        self.customers = customers


class Asked:
    """The models of a query contract on one side, and its rows in the first model's common order."""

    def __init__(self, contract: Contract, role: Role, rows: Rows, models: ModelStore) -> None:
        """Raises NotFound, ContractBreach when a model was trained on other data than the contract names."""
        assert isinstance(contract.terms, QueryTerms)
        self._contract, self._role, self._rows = contract, role, rows
        self.parts: list[ModelPart] = [models.get(run) for run in contract.terms.models]
        places, features = self.parts[0].rows, contract.data(role).features
        if len(places) and places.max() >= len(rows):
            raise ContractBreach("the model was trained on another data set than the contract names", known=True)
        if any(part.features != features for part in self.parts):
            raise ContractBreach("a model was trained on other columns than the contract names", known=True)
        if len({(bool(part.trees), part.loss) for part in self.parts}) != 1:
            raise ContractBreach("the models were trained by different algorithms or losses, their scores do not compare",
                                 known=True)  # fmt: skip
        self.models: list[JointModel] | list[JointTrees] = (
            [trees_of(part) for part in self.parts] if self.parts[0].trees else [part.logistic for part in self.parts]
        )
        self._own: Own = self._binned(places) if self.parts[0].trees else encoded_rows(rows, places)

    def _binned(self, places: Places) -> tuple[Binned, ...]:
        """Own rows in the bins of each model; texts are numbered as they were in training, over all common customers."""
        columns = [column[places] for column in self._rows.features(np.sort(places), apart=False)]
        return tuple(
            np.stack([binned(column, np.array(at)) for column, at in zip(columns, part.edges, strict=True)], axis=1)
            for part in self.parts
        )

    def places_of(self, keys: Sequence[str]) -> Places:
        """Common places of customers by their keys.  Raises NotCommon for one that the parties do not have in common."""
        kind = self._contract.data(self._role).key_kind
        texts, common = self._rows.keys(), {}
        for place, row in enumerate(self.parts[0].rows.tolist()):
            common[normalised(kind, texts[row])] = place
        found = [common.get(normalised(kind, key), -1) for key in keys]
        if -1 in found:
            raise NotCommon(
                f"customer {found.index(-1) + 1} of those asked about is not one that both parties have",
                found.count(-1),
            )
        return np.array(found, np.int64)

    def chosen(self, places: Places) -> Own:
        """The rows of these places."""
        if len(places) and not 0 <= places.min() <= places.max() < len(self.parts[0].rows):
            raise ProtocolBroken("a customer is asked about who is not a common one")
        if isinstance(self._own, Encoded):
            return Encoded(self._own.widths, self._own.integers[places])
        return tuple(each[places] for each in self._own)


def ask_about(
    channel: Channel, noted: Noted, asked: Asked, contract: Contract, count: Count, stock: Stock, places: Places
) -> Answer:
    """The answers for these places, as the SECOND party.  Raises ContractBreach, TooLarge."""
    _require_size(places)
    count(places)
    pieces = stock.claim(contract.digest, len(places))
    packets = stock.opened(contract.digest, Role.SECOND, pieces)
    say(channel, "question", Ask(tuple(places.tolist()), tuple(pieces if packets else ())))
    ready = hear(channel, "ready", Ready)
    if ready.refused:
        raise ContractBreach(f"the other party refused: {ready.refused}", known=True)
    if packets and not ready.from_stock:
        for piece in pieces:  # the other side does not have it, or has used it: it is of no use here either
            stock.drop(contract.digest, piece.packet)
        packets = []
    pools = _pools(channel, Role.SECOND, noted, asked, contract, places, packets)
    answers: Answer = np.concatenate([pool.ask(asked.chosen(part)) for pool, part in pools])
    return answers


def answer_about(channel: Channel, noted: Noted, asked: Asked, contract: Contract, count: Count, stock: Stock) -> int:
    """Answer one question as the FIRST party; how many customers it was about.  Raises ContractBreach."""
    question = hear(channel, "question", Ask)
    places = np.array(question.rows, np.int64)
    try:
        _require_size(places)
        if question.pieces and sum(piece.rows for piece in question.pieces) != len(places):
            raise ProtocolBroken("a question names more or fewer rows made ahead than it asks about")
        asked.chosen(places)
        count(places)
    except TarimError as error:
        say(channel, "ready", Ready(error.detail[:500]))
        raise
    packets = []
    if question.pieces and stock.claim_those(contract.digest, question.pieces):
        packets = stock.opened(contract.digest, Role.FIRST, question.pieces)
    say(channel, "ready", Ready(from_stock=bool(packets)))
    for pool, part in _pools(channel, Role.FIRST, noted, asked, contract, places, packets):
        pool.answer(asked.chosen(part))
    return len(places)


def make_ahead(
    session: Session, asked: Asked, contract: Contract, stock: Stock, run: str, rows: int, progress: Progress
) -> None:
    """Make what so many questions need and keep it, packet by packet; both sides.  Raises TooLarge, FederationError."""
    packets = -(-rows // PACKET_ROWS)
    for number in range(packets):
        pool = _pool(session, asked, contract, PACKET_ROWS)
        stock.keep_together(session, contract.digest, f"{run[:32]}-{number:06d}", pool.arrays())
        progress("making ahead", number + 1, packets)


def _require_size(places: Places) -> None:
    if not 1 <= len(places) <= ROWS_MAX:
        raise TooLarge(f"1 to {ROWS_MAX} customers are asked about at a time")


def _pools(
    channel: Channel,
    role: Role,
    noted: Noted,
    asked: Asked,
    contract: Contract,
    places: Places,
    packets: Sequence[tuple[Piece, dict[str, Array]]],
) -> Iterator[tuple[QueryPool, Places]]:
    """Pools to ask, and the places to ask each about: from the stock, or one that is made now."""
    if not packets:
        yield _pool(Session(channel, role, noted), asked, contract, len(places)), places
    start = 0
    for piece, arrays in packets:
        pool = _pool(Meeting(channel, role, noted), asked, contract, PACKET_ROWS, arrays)
        pool.skip(piece.start)
        yield pool, places[start : start + piece.rows]
        start += piece.rows


def _pool(
    session: Meeting, asked: Asked, contract: Contract, rows: int, made: dict[str, Array] | None = None
) -> QueryPool:
    terms = contract.terms
    assert isinstance(terms, QueryTerms)
    return QueryPool(session, asked.models, terms.question, rows, terms.cut, made)
