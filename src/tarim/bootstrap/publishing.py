"""Rulesets on their way into force: compiled aside.

Reading rules and compiling them takes seconds and holds the interpreter, so a child process does both, into the data folder's
cache; to load what it prepared takes milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from tarim.base.errors import DefinitionError
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.house import House
from tarim.bootstrap.ruleset_texts import compile_aside
from tarim.decisions import Control, Decider
from tarim.models import Model, model_from_bytes
from tarim.rules import Ruleset
from tarim.stream import FeatureSet

_TRIED_EVENTS = 512
"""As many as a batch that is scored in one sweep."""


class CompileAside:
    """Makes the decider of a ruleset and models without holding up decisions.

    A ruleset is compiled by a child process; a model is read in another thread, which lets the one that decides go first.
    """

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, control: Control, models: Sequence[str]) -> Decider:
        """The decider.  Raises NotFound, DefinitionError, Unavailable when compiling failed."""
        return await asyncio.get_running_loop().run_in_executor(None, self._make, control, models)

    def _make(self, control: Control, models: Sequence[str]) -> Decider:
        house = self._house
        present = house.decider
        scorers = [present.models.get(each) or read_model(house.artefacts, each, house.features) for each in models]
        ruleset = present.ruleset if control.version == present.ruleset_version else self._ruleset(control)
        return Decider(ruleset, None, house.features.names, house.lists.membership, scorers)

    def _ruleset(self, control: Control) -> Ruleset:
        house = self._house
        text = house.artefacts.get(control.digest).decode("utf-8")
        ruleset = compile_aside(text, house.features.names, house.places.cache / "rules")
        if ruleset.version != control.version:
            raise DefinitionError("the ruleset kept under this digest is another version than the proposal says")
        return ruleset


def read_model(artefacts: Artefacts, version: str, features: FeatureSet) -> Model:
    """A kept model, tried on features that are all missing, so that its memory is in use before events wait for it.

    Raises NotFound when its bytes are gone or are other bytes by now, DefinitionError when it cannot score these features.
    """
    model = model_from_bytes(artefacts.get(version), features.names)
    for count in (1, _TRIED_EVENTS):
        scores = np.empty(count)
        model.score(np.full((count, len(features.names)), np.nan), scores)
        if not ((scores >= 0) & (scores <= 1)).all():
            raise DefinitionError("the model's score of an event without features is not between 0 and 1")
    _ = model.explainable  # lays out what reasons need
    return model
