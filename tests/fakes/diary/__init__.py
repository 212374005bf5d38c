"""A book of the desk for tests: people's notes, and the decisions above pass that a note could know of."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, func, insert, select, update

from tarim.base.errors import Conflict
from tarim.desk import Act, DecisionFact, Draft, Facts, HoldFact, LabelFact, OverrideFact
from tarim.records import Migrations, json_text, token

METADATA = MetaData()

NOTES = Table(
    "diary_notes",
    METADATA,
    Column("act_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(128), nullable=False),
    Column("person", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("body", json_text(), nullable=False),
    Column("alerts_then", Integer, nullable=False),
)

ALERTS = Table(
    "diary_alerts",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("customer", token(), nullable=False),
    Column("scenario", String(64), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("fraud", Integer, nullable=False),
    Column("hold", String(32), nullable=False),
    Column("outcome", Integer, nullable=False),
    Column("notes_then", Integer, nullable=False),
)


class Diary:
    """Every note knows how many alerts there were, every alert how many notes: the order of both journals shows."""

    name = "diary"
    migrations = Migrations("diary", Path(__file__).parent / "migrations", METADATA)
    failing = False

    def apply(self, connection: Connection, act: Act) -> None:
        if not act.kind.startswith("diary."):
            return
        if self.failing or act.body.get("broken"):
            raise RuntimeError("the diary failed")
        connection.execute(
            insert(NOTES),
            {
                "act_seq": act.seq,
                "subject": act.subject,
                "person": act.person,
                "at_ms": act.at_ms,
                "body": act.body,
                "alerts_then": connection.scalar(select(func.count()).select_from(ALERTS)),
            },
        )

    def follow(self, connection: Connection, facts: Facts) -> None:
        notes = connection.scalar(select(func.count()).select_from(NOTES))
        for fact in facts.facts:
            if isinstance(fact, DecisionFact):
                connection.execute(
                    insert(ALERTS),
                    {
                        "seq": fact.seq,
                        "customer": fact.customer,
                        "scenario": fact.scenario,
                        "amount_fen": fact.amount_fen,
                        "fraud": -1,
                        "hold": "",
                        "outcome": int(fact.outcome),
                        "notes_then": notes,
                    },
                )
            elif isinstance(fact, LabelFact):
                _change(connection, fact.refers_seq, fraud=int(fact.fraud))
            elif isinstance(fact, HoldFact):
                _change(connection, fact.held_seq, hold=fact.state.name.lower())
            elif isinstance(fact, OverrideFact):
                _change(connection, fact.decided_seq, outcome=int(fact.outcome))


def _change(connection: Connection, seq: int, **values: object) -> None:
    connection.execute(update(ALERTS).where(ALERTS.c.seq == seq).values(**values))


def note(subject: str, **body: object) -> object:
    """A command that notes something, once a subject."""

    def command(connection: Connection) -> list[Draft]:
        if connection.scalar(select(NOTES.c.act_seq).where(NOTES.c.subject == subject)) is not None:
            raise Conflict(f"{subject} is noted already")
        return [Draft("diary.noted", subject, dict(body))]

    return command


def notes(connection: Connection) -> list[tuple[str, int]]:
    """Subject and number of alerts then, in the order of the acts."""
    rows = connection.execute(select(NOTES.c.subject, NOTES.c.alerts_then).order_by(NOTES.c.act_seq))
    return [(row.subject, row.alerts_then) for row in rows]
