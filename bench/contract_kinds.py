"""Every kind of contract there is, as the bench carries it out; what a contract may choose is read off the product's own types.

`choices` walks the draft of a contract and the terms of all algorithms: a new algorithm, a new value of an enumeration, a new
form of a field that may be left out, a new output or a new conversation of nodes adds one.  `KINDS` has to make every one of
them (`missing` is empty), so that nothing two companies can agree on goes unsearched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from tarim.federation.node.conversations import Hello
from tarim.federation.node.drafts import Draft
from tarim.federation.node.terms import Output, Terms

PURPOSE: Final = "what goes over the line"
FIRST_COLUMNS: Final = ("income", "spend", "age", "city")
SECOND_COLUMNS: Final = ("balance", "calls", "segment")
VALUES: Final = ("income", "spend")
GROUPS: Final = ("offered", "few")
QUICK: Final = (
    "screening",
    "campaign sums",
    "logistic",
    "boosting",
    "best of trees, made ahead",
    "padded intersection",
    "scores of encrypted rows",
)
"""Searched in a short run, beside what their questions need."""

HELLOS: Final = frozenset(str(each.__struct_config__.tag) for each in get_args(Hello))
"""Tags of all that a node may begin a conversation with."""


@dataclass(frozen=True)
class Kind:
    """A contract to carry out.  terms: as the contract has them, without `models`; more: of the draft, beside its terms.

    models: kinds whose models a question is put to.  weights: of the second party's scorecard.  prepared: rows made ahead.
    resumed: it is broken off in training and goes on from the shares in custody.
    """

    name: str
    terms: Mapping[str, Any]
    outputs: tuple[tuple[str, str], ...]
    first: tuple[str, ...] = FIRST_COLUMNS
    second: tuple[str, ...] = SECOND_COLUMNS
    label: str = "wants"
    models: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[float, ...] = ()
    prepared: int = 0
    resumed: bool = False

    @property
    def engine(self) -> bool:
        """Whether it needs the second engine."""
        finding = (self.terms.get("method"), self.more.get("finding"))
        return "rr22" in finding or self.more.get("protocol", "own") != "own"

    def terms_with(self, digest: Callable[[str], str]) -> dict[str, Any]:
        """The terms in full.  digest: of the run of a kind, and of this kind's own scorecard."""
        models = {"models": [digest(model) for model in self.models]} if self.models else {}
        scorecard = {"scorecard": digest(self.name)} if self.weights else {}
        return {**self.terms, **models, **scorecard}


_CURVE: Final = (("curve", "bank"),)
_CURVES_AND_COLUMNS: Final = (("curve", "bank"), ("curve", "data"), ("importance", "bank"), ("gain", "data"))
_BOTH_COMMON: Final = (("common-customers", "bank"), ("common-customers", "data"))
_ANSWER: Final = (("answer", "bank"),)
_LOGISTIC: Final = {"type": "logistic", "batch_rows": 32, "epochs": 3}
_TREES: Final = {"type": "boosting", "trees": 1, "depth": 2}

_SCORES: Final = {"type": "encrypted-scores", "scales": [10_000.0, 10_000.0]}
_WEIGHTS: Final = (0.7312894637, -1.2498713655)


def _question(question: str, models: tuple[str, ...], prepared: int = 0) -> Kind:
    of = "trees" if "boosting" in models[0] else "logistic"
    name = {"decision": "decision", "best-offer": "best", "score": "score"}[question] + f" of {of}"
    terms = {"type": "query", "question": question}
    more = {"models": models, "prepared": prepared, "label": ""}
    return Kind(name + (", made ahead" if prepared else ""), terms, _ANSWER, **more)  # type: ignore[arg-type]


KINDS: Final[tuple[Kind, ...]] = (
    Kind("padded intersection", {"type": "intersection", "padded_to": 512}, _BOTH_COMMON, (), (), ""),
    Kind("intersection by RR22", {"type": "intersection", "method": "rr22"}, _BOTH_COMMON, (), (), ""),
    Kind("logistic", _LOGISTIC, _CURVE, more={"custody": True}, prepared=96, resumed=True),
    Kind("logistic, encrypted products",
         {**_LOGISTIC, "line_mbit_s": 0.5, "l2_log2": -8, "custody_steps": 2, "batch_reason": "few rows"}, _CURVE,
         more={"custody": True}),
    Kind("boosting", _TREES, _CURVES_AND_COLUMNS, more={"custody": True}),
    Kind("logistic at three nodes", _LOGISTIC, _CURVE, more={"protocol": "aby3", "third": "third", "finding": "rr22"}),
    Kind("boosting at three nodes", _TREES, _CURVE, more={"protocol": "aby3", "third": "third", "finding": "ecdh"}),
    Kind("logistic by CHEETAH", _LOGISTIC, _CURVE, more={"protocol": "cheetah"}),
    Kind("boosting, exponential loss", {**_TREES, "loss": "exponential", "sample": 0.8}, _CURVE),
    Kind("cross-validated logistic",
         {"type": "cross-validation", "folds": 2, "seeds": [1], "model": {**_LOGISTIC, "epochs": 1}}, _CURVE),
    Kind("cross-validated boosting",
         {"type": "cross-validation", "folds": 2, "seeds": [1], "model": {**_TREES, "depth": 1}}, _CURVE),
    Kind("screening", {"type": "screening", "bins": 4, "correlation_rows": 96},
         (("information-values", "bank"), ("correlations", "data"), ("correlations", "bank"))),
    Kind("campaign sums", {"type": "campaign-sums", "least": 20}, (("campaign-sums", "bank"),), VALUES, GROUPS, ""),
    Kind("scores of encrypted rows", _SCORES, (("scores", "data"),), VALUES, (), "", weights=_WEIGHTS),
    Kind("scores by an encrypted scorecard", _SCORES, (("scores", "bank"),), VALUES, (), "", weights=_WEIGHTS),
    _question("decision", ("logistic",), prepared=12),
    _question("score", ("logistic",)),
    _question("best-offer", ("logistic", "logistic, encrypted products")),
    _question("decision", ("boosting",)),
    _question("score", ("boosting",)),
    _question("best-offer", ("boosting", "boosting"), prepared=12),
)  # fmt: skip
NAMES: Final = tuple(kind.name for kind in KINDS)


def chosen(names: Iterable[str]) -> list[Kind]:
    """These kinds, in an order in which a model is there before its questions, with the kinds that train it."""
    wanted = set(names)
    wanted |= {model for kind in KINDS if kind.name in wanted for model in kind.models}
    return [kind for kind in KINDS if kind.name in wanted]


# ---- what there is to choose --------------------------------------------------------------------------------------------


def choices(terms: Any = Terms, outputs: Iterable[str] = tuple(Output), hellos: Any = Hello) -> set[str]:
    """All that a contract may choose and nodes may say."""
    found = {f"opens {getattr(each, 'value', each)!s}" for each in outputs} | set(_choices_of(Draft))
    found |= {f"says {_tag(each)}" for each in get_args(hellos)}
    for each in get_args(terms):
        found |= {_tag(each)} | {f"{_tag(each)}: {choice}" for choice in _choices_of(each)}
    return found


def missing(kinds: Iterable[Kind] = KINDS, said: Iterable[str] = (), every: Iterable[str] | None = None) -> set[str]:
    """What of `choices` none of the kinds makes.  said: tags of hellos that were heard."""
    made = {f"says {tag}" for tag in said}
    for kind in kinds:
        terms: Any = msgspec.convert(kind.terms_with(lambda _: "0" * 64), Terms)
        made |= {_tag(type(terms))} | {f"{_tag(type(terms))}: {choice}" for choice in _choices_made(type(terms), terms)}
        made |= {f"opens {what}" for what, _ in kind.outputs}
        made |= set(_choices_made(Draft, {"algorithm": kind.terms["type"], **kind.more}))
    return set(choices() if every is None else every) - made


def _tag(struct: Any) -> str:
    return str(struct.__struct_config__.tag)


def _choices_of(struct: Any) -> Iterator[str]:
    for name, hint in get_type_hints(struct).items():
        members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        left_out = {NoneType, UnsetType}.intersection(each for each in members if isinstance(each, type))
        for each in members:
            if isinstance(each, type) and issubclass(each, Enum):
                yield from (f"{name} = {value.value}" for value in each)
            elif isinstance(each, type) and issubclass(each, msgspec.Struct):
                yield from (f"{name} = {tag}" for tag in [_tag(each)] if tag != "None")
            elif each is bool:
                yield from (f"{name} = {value}" for value in (False, True))
            elif left_out:
                yield f"{name} = {'none' if each in left_out else 'given'}"


def _choices_made(struct: Any, values: Any) -> Iterator[str]:
    """values: a struct of this kind, or what of one is not left out."""
    possible, fields = set(_choices_of(struct)), {each.name: each for each in msgspec.structs.fields(struct)}
    for name in get_type_hints(struct):
        value = values.get(name, fields[name].default) if isinstance(values, Mapping) else getattr(values, name)
        shown = _tag(type(value)) if isinstance(value, msgspec.Struct) else getattr(value, "value", value)
        for each in (f"{name} = {shown}", f"{name} = {'none' if value in (None, UNSET) else 'given'}"):
            if each in possible:
                yield each
