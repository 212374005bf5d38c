"""What was made ahead: sealed, bound to its contract and key, and no row of it used twice, whatever crashes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from tarim.base.errors import Damaged, NotFound, TooLarge
from tarim.federation import Role, Session
from tarim.federation.learning.encoding import Encoded, Widths
from tarim.federation.learning.logistic import JointModel
from tarim.federation.learning.logistic_plan import WEIGHT_FRACTION_BITS
from tarim.federation.node import stock as module
from tarim.federation.node.asking import answer_about, ask_about, make_ahead
from tarim.federation.node.conversations import Piece
from tarim.federation.node.stock import PACKET_ROWS, Stock
from tarim.federation.node.terms import QueryTerms
from tarim.federation.queries import Question
from tarim.federation.sharing import Share, encoded
from tarim.privacy import MasterKey
from tests.fakes.federation import QueueChannel, together

CONTRACT, OTHER = "a" * 64, "b" * 64
PACKETS = [f"{number:032x}-000000" for number in range(3)]
ARRAYS = {"choices": np.arange(6, dtype=np.uint8).reshape(2, 3), "zero": np.arange(4, dtype=np.uint64)}


def filled(folder: Path, packets: int = 2, key: bytes = bytes(32)) -> Stock:
    stock = Stock(folder, MasterKey(key))
    for packet in PACKETS[:packets]:
        stock.keep(CONTRACT, Role.FIRST, packet, ARRAYS)
    return stock


def test_what_is_kept_comes_back_and_lies_sealed(tmp_path: Path) -> None:
    stock = filled(tmp_path / "stock", 1)
    for name, array in stock.load(CONTRACT, Role.FIRST, PACKETS[0]).items():
        assert np.array_equal(array, ARRAYS[name]) and array.dtype == ARRAYS[name].dtype
    (path,) = (tmp_path / "stock").rglob("*.packet")
    assert path.stat().st_mode & 0o77 == 0 and b"choices" not in path.read_bytes()
    assert stock.contracts() == [CONTRACT] and stock.level(CONTRACT)[:2] == (PACKET_ROWS, 1)


def test_rows_are_claimed_all_or_none(tmp_path: Path) -> None:
    stock = filled(tmp_path)
    assert stock.claim(CONTRACT, 2 * PACKET_ROWS + 1) == ()
    assert stock.claim(CONTRACT, 10) == (Piece(PACKETS[0], 0, 10),)
    assert stock.claim(CONTRACT, PACKET_ROWS) == (Piece(PACKETS[0], 10, PACKET_ROWS - 10), Piece(PACKETS[1], 0, 10))
    assert stock.level(CONTRACT)[:2] == (PACKET_ROWS - 10, 1), "the first is used up and gone"
    with pytest.raises(NotFound):
        stock.load(CONTRACT, Role.FIRST, PACKETS[0])


def test_a_packet_that_is_used_up_is_removed_once_it_was_read(tmp_path: Path) -> None:
    stock = filled(tmp_path, 1)
    stock.claim(CONTRACT, PACKET_ROWS)
    assert stock.load(CONTRACT, Role.FIRST, PACKETS[0]).keys() == ARRAYS.keys()
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def test_the_other_side_takes_no_row_twice(tmp_path: Path) -> None:
    stock = filled(tmp_path)
    piece = Piece(PACKETS[0], 5, 10)
    assert stock.claim_those(CONTRACT, (piece,))
    assert not stock.claim_those(CONTRACT, (piece,)), "a question that comes again"
    assert not stock.claim_those(CONTRACT, (Piece(PACKETS[0], 0, 5),)), "skipped is gone"
    assert not stock.claim_those(CONTRACT, (Piece(PACKETS[0], 14, 1),))
    assert stock.claim_those(CONTRACT, (Piece(PACKETS[0], 15, 1),))
    assert not stock.claim_those(CONTRACT, (Piece(PACKETS[0], PACKET_ROWS - 1, 2),))
    assert not stock.claim_those(CONTRACT, (Piece(PACKETS[2], 0, 1),)), "not here"
    assert not stock.claim_those(CONTRACT, ())


@pytest.mark.parametrize("change", ["key", "contract", "role", "packet", "altered", "short"])
def test_what_does_not_belong_does_not_open(tmp_path: Path, change: str) -> None:
    stock = filled(tmp_path)
    contract, role, packet = CONTRACT, Role.FIRST, PACKETS[0]
    path = tmp_path / CONTRACT / f"{packet}.packet"
    if change == "key":
        stock = Stock(tmp_path, MasterKey(bytes([1] * 32)))
    elif change == "contract":
        path.parent.rename(tmp_path / OTHER)
        contract = OTHER
    elif change == "role":
        role = Role.SECOND
    elif change == "packet":
        path.rename(tmp_path / CONTRACT / f"{PACKETS[2]}.packet")
        packet = PACKETS[2]
    elif change == "altered":
        content = bytearray(path.read_bytes())
        content[40] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes(path.read_bytes()[:11])
    with pytest.raises(Damaged, match="prepare anew"):
        stock.load(contract, role, packet)


def test_a_packet_whose_claims_are_lost_or_torn_is_never_used_from_the_start(tmp_path: Path) -> None:
    stock = filled(tmp_path)
    stock.claim(CONTRACT, 20)
    ledger = tmp_path / CONTRACT / f"{PACKETS[0]}.used"
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + b"\x1e\x00\x00")  # a claim of which only three bytes reached the disk
    assert stock.claim(CONTRACT, 1) == (Piece(PACKETS[0], 20, 1),)
    assert stock.claim(CONTRACT, 1) == (Piece(PACKETS[0], 21, 1),)
    ledger.unlink()
    assert stock.claim(CONTRACT, 1) == (Piece(PACKETS[1], 0, 1),)
    (tmp_path / CONTRACT / f"{PACKETS[1]}.used").write_bytes(b"")
    assert stock.claim(CONTRACT, 1) == ()


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stock = filled(tmp_path)
    stock.require_room(CONTRACT, 1)
    for rows in (0, module.ROWS_MAX):
        with pytest.raises(TooLarge, match="rows"):
            stock.require_room(CONTRACT, rows)
    monkeypatch.setattr(module, "BYTES_MAX", 100)
    with pytest.raises(TooLarge, match="bytes"):
        stock.require_room(CONTRACT, 1)
    with pytest.raises(TooLarge, match="bytes"):
        stock.keep(CONTRACT, Role.FIRST, PACKETS[2], ARRAYS)
    monkeypatch.setattr(module, "PACKET_BYTES_MAX", 10)
    with pytest.raises(TooLarge, match="packet"):
        stock.keep(CONTRACT, Role.FIRST, PACKETS[2], ARRAYS)


@pytest.mark.parametrize("packet", ["../../etc/passwd", "a" * 32, f"{'0' * 32}-000000/../x", ""])
def test_the_name_of_a_packet_is_no_path(packet: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"packet": packet, "start": 0, "rows": 1}, Piece)


@dataclass(frozen=True)
class Known:
    """What both sides know of rows and models, in place of a node's."""

    models: list[JointModel]
    rows: Encoded

    def chosen(self, places: np.ndarray) -> Encoded:
        return Encoded(self.rows.widths, self.rows.integers[places])


def took_part(channel: Any, role: Role, stock: Stock, places: list[int], ahead: int = 0) -> list[float]:
    """One side of a conversation about these rows: the answers, at the second party; so many rows are made ahead first."""
    draw = np.random.default_rng(5)
    widths, weights = Widths((8, 1)), draw.integers(-9, 9, 5).astype(float)
    contract: Any = SimpleNamespace(digest=CONTRACT, terms=QueryTerms(Question.SCORE, ("c" * 64,)))
    own = np.stack([np.random.default_rng(role).integers(0, 2**bits, 40, np.uint64) for bits in widths.bits], axis=1)
    part = encoded(weights, WEIGHT_FRACTION_BITS) if role is Role.SECOND else np.zeros(5, np.uint64)
    known: Any = Known([JointModel(Share(part, WEIGHT_FRACTION_BITS), widths, widths)], Encoded(widths, own))
    if ahead:
        make_ahead(Session(channel, role), known, contract, stock, "d" * 64, ahead, lambda *_: None)
    if role is Role.FIRST:
        assert answer_about(channel, nothing, known, contract, nothing, stock) == len(places)
        return []
    answers: list[float] = ask_about(channel, nothing, known, contract, nothing, stock, np.array(places)).tolist()
    return answers


def conversation(folder: Path, places: list[int], ahead: int = 0) -> tuple[list[float], list[int]]:
    """Answers about these rows, and what is left on either side; so many rows are made ahead first."""
    left = []

    def side(channel: QueueChannel, role: Role) -> list[float]:
        stock = Stock(folder / role.name, MasterKey(bytes(32)))
        answers = took_part(channel, role, stock, places, ahead)
        left.append(stock.level(CONTRACT).rows)
        return answers

    _, answers = together(lambda end: side(end, Role.FIRST), lambda end: side(end, Role.SECOND))
    return answers, left


def nothing(_: object) -> None:
    """Neither counts nor notes."""


def test_questions_are_answered_alike_from_the_stock_and_without(tmp_path: Path) -> None:
    places = [3, 1, 3, 39]
    without, left = conversation(tmp_path, places)
    assert left == [0, 0]
    assert conversation(tmp_path, places, ahead=1) == (without, [PACKET_ROWS - 4] * 2)
    assert conversation(tmp_path, places) == (without, [PACKET_ROWS - 8] * 2)


def test_a_question_may_run_over_several_packets(tmp_path: Path) -> None:
    conversation(tmp_path, [0], ahead=PACKET_ROWS + 1)
    places = [number % 40 for number in range(PACKET_ROWS + 10)]
    answers, left = conversation(tmp_path, places)
    assert left == [PACKET_ROWS - 11] * 2 and answers[:40] == answers[40:80] == answers[-66:-26]


@pytest.mark.parametrize("role", list(Role))
def test_what_one_side_does_not_have_is_not_used_by_the_other(tmp_path: Path, role: Role) -> None:
    answers, _ = conversation(tmp_path, [7], ahead=1)
    Stock(tmp_path / role.name, MasterKey(bytes(32))).remove(CONTRACT)
    again, left = conversation(tmp_path, [7])
    assert again == answers
    assert sorted(left) == ([0, 0] if role is Role.FIRST else [0, PACKET_ROWS - 1]), "the asking side removes it"


def test_killed_at_any_moment_no_row_is_used_twice(tmp_path: Path) -> None:
    """Two processes claim and note what they would use, and are killed; whoever comes next goes on."""
    folder, log = tmp_path / "stock", tmp_path / "used"
    stock = filled(folder, 3)
    draw, kills = np.random.default_rng(3), 0
    while stock.level(CONTRACT).rows and kills < 40:
        children = [_claiming(folder, log, kills + each) for each in range(2)]
        time.sleep(float(draw.uniform(0, 0.03)))
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            kills += 1
    used = Counter(
        (packet, row)
        for packet, start, rows in (line.split() for line in log.read_text().splitlines())
        for row in range(int(start), int(start) + int(rows))
    )
    assert kills >= 4 and len(used) > 100 and max(used.values()) == 1


class Watched(Stock):
    """A node's stock that notes which rows' secrets it read, and kills its process at a moment between claim and use."""

    def __init__(self, folder: Path, dies: str = "") -> None:
        super().__init__(folder, MasterKey(bytes(32)))
        self._read, self._dies = folder.with_suffix(".read"), dies

    def claim(self, contract: str, rows: int) -> tuple[Piece, ...]:
        found = super().claim(contract, rows)
        self._at("claimed")
        return found

    def claim_those(self, contract: str, pieces: tuple[Piece, ...]) -> bool:
        found = super().claim_those(contract, pieces)
        self._at("claimed")
        return found

    def opened(self, contract: str, role: Role, pieces: Any) -> Any:
        found = super().opened(contract, role, pieces)
        with self._read.open("a") as file:
            file.writelines(
                f"{each.packet} {row}\n" for each in pieces for row in range(each.start, each.start + each.rows)
            )
        self._at("read")
        return found

    def _at(self, moment: str) -> None:
        if moment == self._dies:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("dies", ["claimed", "read"])
@pytest.mark.parametrize("role", list(Role))
def test_a_node_killed_between_claim_and_use_never_uses_these_rows_again(tmp_path: Path, role: Role, dies: str) -> None:
    """Two processes; SIGKILL hits one after its claim is on disk and before anything made of the rows is sent."""
    without, _ = conversation(tmp_path / "apart", [3, 1])
    conversation(tmp_path, [7], ahead=1)
    left = Stock(tmp_path / "SECOND", MasterKey(bytes(32))).level(CONTRACT).rows
    fork = multiprocessing.get_context("fork")
    for killed, asked in ((dies, [3, 1]), ("", [3, 1])):
        queues, found = (fork.Queue(), fork.Queue()), fork.Queue()

        def side(
            which: Role, queues: Any = queues, found: Any = found, killed: str = killed, asked: Any = asked
        ) -> None:
            channel = QueueChannel(queues[which], queues[1 - which])
            stock = Watched(tmp_path / which.name, killed if which is role else "")
            found.put((which, took_part(channel, which, stock, asked)))

        nodes = [fork.Process(target=side, args=(which,)) for which in Role]
        for node in nodes:
            node.start()
        if killed:
            nodes[role].join(60)
            assert nodes[role].exitcode == -signal.SIGKILL
            nodes[1 - role].kill()  # it waits for an answer that does not come
            nodes[1 - role].join(60)
            continue
        assert dict(found.get(timeout=60) for _ in Role)[Role.SECOND] == without
        for node in nodes:
            node.join(60)
    for which in Role:
        rows = Counter((tmp_path / f"{which.name}.read").read_text().splitlines())
        assert set(rows.values()) == {1}, "a row's secrets were read again after the crash"
    assert [Stock(tmp_path / each.name, MasterKey(bytes(32))).level(CONTRACT).rows for each in Role] == [left - 4] * 2


def _claiming(folder: Path, log: Path, seed: int) -> int:
    """A process that claims until it is killed; its id."""
    child = os.fork()
    if child:
        return child
    note, stock = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), Stock(folder, MasterKey(bytes(32)))
    while pieces := stock.claim(CONTRACT, 1 + 7 * seed % 11):
        os.write(note, "".join(f"{each.packet} {each.start} {each.rows}\n" for each in pieces).encode())
    os._exit(0)
