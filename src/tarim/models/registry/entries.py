"""A model's entry in the registry, and how it changes."""

from __future__ import annotations

import msgspec

from tarim.models.registry.states import ModelAct, ModelState, Role, act_on


class ModelEntry(msgspec.Struct, frozen=True):
    """What the registry knows of one model.

    version: SHA-256 of the model's file, hexadecimal.  manifest: SHA-256 of its package's manifest, "" for a model that the
    service installed from its settings, which has no package.  share: part of the customers whom a challenger judges, in
    hundredths of a percent.  author submitted it, approver approved it.  Instants in ms since the epoch, 0 = never.
    """

    version: str
    service: str
    name: str = ""
    manifest: str = ""
    state: ModelState = ModelState.DRAFT
    role: Role = Role.NONE
    share: int = 0
    author: str = ""
    submitted_ms: int = 0
    approver: str = ""
    approved_ms: int = 0
    live_ms: int = 0

    def after(self, act: ModelAct, at_ms: int) -> ModelEntry:
        """The entry after an act, with what follows from the act alone.  Raises Conflict for one that does not go."""
        state = act_on(self.state, act)
        if act in (ModelAct.PUBLISH, ModelAct.INSTALL, ModelAct.ROLL_BACK):
            return msgspec.structs.replace(self, state=state, role=Role.CHAMPION, share=0, live_ms=at_ms)
        if act is ModelAct.CHALLENGE:
            return msgspec.structs.replace(self, state=state, role=Role.CHALLENGER, live_ms=at_ms)
        return msgspec.structs.replace(self, state=state, role=Role.NONE, share=0)
