"""What several rule pages ask the services for."""

from __future__ import annotations

from collections.abc import Mapping

from tarim.console.pages import Visit
from tarim.console.rules_shapes import (
    Draft,
    History,
    Hits,
    InForce,
    Lists,
    Name,
    Names,
    Packs,
    Proposals,
    Switches,
    Text,
)
from tarim.console.services import Refused, segment

EMPTY: Text = Text("", 'name = "mine"\n')
"""What a bank begins with that has no ruleset in force."""


def clean(text: str) -> str:
    """A text of a form with the line breaks that files have."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


async def in_force(visit: Visit) -> InForce | None:
    """The ruleset in force, None before the first."""
    history = await visit.serve.get("/v1/rulesets", History)
    return history.rulesets[0] if history.rulesets else None


async def text_of(visit: Visit, version: str) -> Text:
    """The text of a ruleset that was in force or is proposed.  Raises Refused."""
    return await visit.serve.get(f"/v1/rulesets/{segment(version)}", Text)


async def text_in_force(visit: Visit) -> Text:
    """The text in force."""
    found = await in_force(visit)
    return await text_of(visit, found.version) if found else EMPTY


async def text_of_pack(visit: Visit, name: str) -> Text:
    """A ruleset that comes with the product.  Raises Refused for an unknown one."""
    packs = await visit.serve.get("/v1/rulesets:packs", Packs)
    found = next((pack for pack in packs.packs if pack.name == name), None)
    if found is None:
        raise Refused(404, "not_found", "404", name)
    return Text("", found.text)


async def checked(visit: Visit, text: str) -> Draft:
    """What a text says and what is wrong with it."""
    return await visit.serve.post("/v1/rulesets:check", {"text": text or "\n"}, Draft)


async def names(visit: Visit) -> Mapping[str, Name]:
    """The words a rule may use, by name."""
    found = await visit.serve.get("/v1/rulesets:names", Names)
    return {name.name: name for name in found.names}


async def list_names(visit: Visit) -> list[str]:
    """Names of the lists there are."""
    return [each.name for each in (await visit.serve.get("/v1/lists", Lists)).lists]


async def switches(visit: Visit) -> Switches:
    """The switches that are set."""
    return await visit.serve.get("/v1/switches", Switches)


async def proposals(visit: Visit, state: str = "open") -> Proposals:
    """Proposals that wait, or that were decided last."""
    return await visit.serve.get("/v1/proposals", Proposals, state=state)


async def hits(visit: Visit) -> Hits | None:
    """Hits by rule; None while the views do not answer, for the list of rules is of use without them."""
    try:
        return await visit.views.get("/v1/rule-hits", Hits)
    except Refused as refused:
        if refused.status in (401, 403):
            raise
        return None
