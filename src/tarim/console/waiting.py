"""An act that waits until the person has proved again who it is: what was typed goes along, and the act is done afterwards.

    person ──form──► act ──"prove who you are"──► the page that asks, with the form in a hidden field
                                                      │ password and code, and that field
                                                      ▼
    person ◄──what the act answers── act, by the new session

The form is in that page and in nothing else: no address, no cookie, nothing kept by browser or console.  It comes back by a
form of the session, so it can do no more than the person could have sent directly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from tarim.console.pages import Page, Visit
from tarim.console.session import ours

CHARACTERS_MAX: Final = 1 << 19
_encode = msgspec.json.Encoder().encode


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An act as it was sent.  page: its name; path, query, form: what it came with; back: the page whose form it was."""

    page: str
    path: dict[str, str]
    query: dict[str, str]
    form: dict[str, list[str]]
    back: str


def act_of(page: Page, visit: Visit) -> str:
    """The act as text for a hidden field; "" for what cannot wait: a page that is read, files, and more than a field takes."""
    if page.method != "POST" or any(upload.filename for upload in visit.uploads.values()):
        return ""
    form = {name: list(values) for name, values in visit.lists.items() if name != "csrf"}
    text = _encode(Act(page.name, dict(visit.path), dict(visit.query), form, visit.back)).decode()
    return text if len(text) <= CHARACTERS_MAX else ""


def act_in(text: str) -> Act | None:
    """The act in a hidden field; None for none."""
    if not text or len(text) > CHARACTERS_MAX:
        return None
    try:
        act = msgspec.json.decode(text, type=Act)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    return msgspec.structs.replace(act, back=ours(act.back))


def visit_of(act: Act, visit: Visit, token: str) -> Visit:
    """The visit in which the act is done, by the session of a token."""
    return replace(
        visit,
        serve=replace(visit.serve, token=token),
        desk=replace(visit.desk, token=token),
        views=replace(visit.views, token=token),
        path=act.path,
        query=act.query,
        form={name: values[-1] for name, values in act.form.items() if values},
        lists=act.form,
        uploads={},
        fragment=False,
        here=act.back,
        back=act.back,
        done_again=True,
    )
