"""The desk: what persons do after a decision, as acts in a journal of its own, and the tables that are made from it.

A context of people's work (cases, contact, redress, reporting) is a `Book`: tables, and two functions that fill them.

    class Cases:                                     a Book
        name = "cases"                               the first half of its acts' kinds
        migrations = MIGRATIONS                      tables and their history (`tarim.records.Migrations`)
        def apply(self, connection, act): ...        one act -> rows.  Every book is given every act, those of others too
        def follow(self, connection, facts): ...     decisions above pass, labels, holds and overrides -> rows

`apply` and `follow` read no clock, no random number and nothing but tables: whatever is unique or comes from outside stands
in the act's body.  They run in one transaction with the positions of both journals, so the tables can be dropped and made
anew at any time, and come out equal (`tarim desk rebuild`).  Books are applied in the order they are given in.

A command is a function of a connection that reads tables, refuses by raising, and returns drafts; it changes nothing:

    def assign(connection):
        case = read_case(connection, case_id)        sees everything recorded before it: there is one writer
        ...                                          states, permissions, four eyes
        return [Draft("cases.assign", case_id, {"to": person})]

    acts = desk.perform(person, assign)              durable, applied and committed when it returns; raises what assign raises
    acts = desk.perform(person, assign, Once.of(key, body))    the same key again: the first answer, nothing done twice
    future = desk.submit(person, assign)             for a loop: await asyncio.wrap_future(future)
    future = desk.read(look)                         look(connection) in a reader's thread

    await performed(desk, call, command)             in a route (`tarim.api.desk_calls`): with the header Idempotency-Key
    await looked_at(desk, look)

    desk.texts.seal(customer, text)                  free text that may name a person -> a value for a body or a json_text()
    desk.texts.open(sealed)                          column; destroyed with the customer's key
    label_draft(seq, source, event_id, fraud=True)   a verdict: add it to a command's drafts; it is told to the decisions
                                                     service exactly once, and comes back as a LabelFact
    SYSTEM                                           the person of acts nobody asked for: deadlines that pass

Tokens in facts are unsigned, as `tarim.records.token()` columns give them back.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.desk.adapters.tables import MIGRATIONS
    from tarim.desk.desk import SYSTEM, Desk, DeskLimits, DeskState
    from tarim.desk.domain import (
        Act,
        DecisionFact,
        Draft,
        Fact,
        Facts,
        Ground,
        HoldFact,
        LabelFact,
        Once,
        OverrideFact,
    )
    from tarim.desk.follower import Follower
    from tarim.desk.holds import waiting_hold
    from tarim.desk.label_service import LabelService, ServiceLink
    from tarim.desk.labels import (
        Label,
        label_draft,
        label_of,
        labels_in,
        refused_draft,
        retried_draft,
        waiting_labels,
    )
    from tarim.desk.ports import Book, Command, Post
    from tarim.desk.rulewords import RuleWords
    from tarim.desk.sender import LabelSender
    from tarim.desk.shelf import Shelf
    from tarim.desk.texts import Sealed, Texts
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "MIGRATIONS",
    "SYSTEM",
    "ServiceLink",
    "Act",
    "Book",
    "Command",
    "DecisionFact",
    "Desk",
    "DeskLimits",
    "DeskState",
    "Draft",
    "Fact",
    "Facts",
    "Follower",
    "Ground",
    "HoldFact",
    "Label",
    "LabelFact",
    "LabelSender",
    "LabelService",
    "Once",
    "OverrideFact",
    "Post",
    "RuleWords",
    "Sealed",
    "Shelf",
    "Texts",
    "label_draft",
    "label_of",
    "labels_in",
    "refused_draft",
    "retried_draft",
    "waiting_hold",
    "waiting_labels",
]
