"""Cases as reports need them, read from the tables of cases; currencies, which those do not have, from the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from tarim.cases import MIGRATIONS, Case, CaseAlert, CaseStore
from tarim.decisions import decode_events
from tarim.journal import FolderReader
from tarim.reporting.domain.case_facts import FACTS_MAX, CaseFacts, MovementFact
from tarim.stream import Col, Outcome

_ALERT: Final = MIGRATIONS.metadata.tables["cases_alert"]
_RING: Final = MIGRATIONS.metadata.tables["cases_ring"]
_TRAITS: Final = {
    "screen_shared": ("共享屏幕", "screen shared"),
    "in_call": ("交易时正在通话", "in a call"),
    "new_payee": ("首次收款方", "new payee"),
    "new_device": ("新设备", "new device"),
    "far_place": ("异地", "far place"),
    "mule_payee": ("收款账户疑似出租出借", "payee is a mule"),
    "split_amounts": ("拆分金额", "amounts split"),
    "quick_emptying": ("快速清空账户", "account emptied quickly"),
    "false_identity": ("虚假身份", "false identity"),
    "insider": ("内部人员", "insider"),
    "elderly": ("老年客户", "elderly customer"),
    "minor": ("未成年客户", "minor"),
    "cash_out": ("套现", "cash-out"),
    "gambling": ("赌博", "gambling"),
    "marketing_abuse": ("营销欺诈", "marketing abuse"),
}
_OURS: Final = "CNY"
"""Of events that name no currency."""
_INCOMING: Final = frozenset({"deposit"})


class CaseTables:
    """`tarim.reporting.ports.CaseSource`."""

    def __init__(self, journal: Path) -> None:
        """journal: folder of the decisions' journal."""
        self._journal = journal
        self._store = CaseStore()

    def scope(self, connection: Connection, ref: str) -> tuple[str, str]:
        """Branch and queue of a case.  Raises NotFound."""
        case = self._store.case(connection, ref)
        return case.branch, case.queue

    def facts(self, connection: Connection, ref: str) -> CaseFacts:
        """The facts of a case, of its newest alerts when there are very many.  Raises NotFound."""
        case = self._store.case(connection, ref)
        chosen = select(_ALERT).where(_ALERT.c.case_no == case.no).order_by(_ALERT.c.seq.desc()).limit(FACTS_MAX)
        alerts = [CaseAlert(**row._mapping) for row in connection.execute(chosen)]
        alerts.reverse()
        currencies = self._currencies([alert.seq for alert in alerts])
        traits = dict.fromkeys(trait for alert in alerts for trait in alert.traits)
        return CaseFacts(
            case.ref,
            case.customer,
            case.branch,
            case.scenario,
            case.opened_ms,
            self._ring_size(connection, case),
            tuple(_movement(alert, currencies.get(alert.seq, "")) for alert in alerts),
            tuple(_TRAITS.get(trait, (trait, trait)) for trait in traits),
            tuple(sorted(self._store.hands(connection, case.no))),
        )

    def _ring_size(self, connection: Connection, case: Case) -> int:
        if not case.ring:
            return 0
        chosen = select(func.count()).select_from(_RING).where(_RING.c.ring == case.ring)
        return int(connection.execute(chosen).scalar_one())

    def _currencies(self, seqs: list[int]) -> dict[int, str]:
        """The currency of each event; events that the journal keeps no more are left out."""
        found: dict[int, str] = {}
        if not seqs or not (self._journal / "durable").exists():
            return found
        with FolderReader(self._journal) as reader:
            for seq in seqs:
                if not reader.first_seq <= seq < reader.durable_seq:
                    continue
                record = reader.read_at(seq)
                packed = int(decode_events(record).rows[seq - record.first_seq, Col.CURRENCY])
                found[seq] = packed.to_bytes(3, "big").decode("ascii") if packed else _OURS
        return found


def _movement(alert: CaseAlert, currency: str) -> MovementFact:
    return MovementFact(
        alert.seq,
        alert.event_id,
        alert.occurred_ms,
        alert.event_kind,
        alert.channel,
        alert.event_kind in _INCOMING,
        alert.amount_fen,
        currency,
        alert.account,
        alert.payee,
        alert.device,
        Outcome(alert.outcome).name.lower(),
        alert.scenario,
        tuple(alert.rules),
        alert.verdict,
    )
