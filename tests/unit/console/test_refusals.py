"""Whatever a service refuses is said in the viewer's language: each message has both, or stands in the catalogue.

The sources are walked: each place that makes an error of the family, in every package that a service answers from, with its
message as it is written there.  A message that is only known when it is raised cannot be walked; of that, the page says on a
Chinese page that there is no Chinese, and quotes it behind a fold.
"""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx
import msgspec
import pytest

import tarim
from tarim.console import refusals
from tarim.console.services import Refused, Service, Visitor
from tarim.console.settings import ConsoleSettings
from tarim.console.words import speak
from tarim.intake import RULES_ZH

SOURCES = Path(tarim.__file__).parent
ANSWERED_FROM = (
    "api", "audit", "base", "cases", "contact", "desk", "graph", "identity", "redress", "reporting", "rules", "views",
    "screening/lists", "decisions/governance.py", "decisions/governing.py", "decisions/holding.py", "decisions/holds",
    "decisions/model_governing.py", "decisions/registry.py", "decisions/service.py", "decisions/treatment.py",
    "decisions/backtest.py", "decisions/switch_reviews.py", "decisions/switch_reviewing.py", "decisions/verification.py",
    "decisions/probing.py", "models/registry",
    "screening/names", "bootstrap/name_book.py", "bootstrap/walking.py", "privacy/keyring.py", "privacy/vault.py",
    "bootstrap/lists.py", "bootstrap/list_files.py", "bootstrap/names.py", "bootstrap/name_register.py",
    "bootstrap/name_files.py", "bootstrap/name_helper.py", "bootstrap/screenings.py", "bootstrap/packages.py",
    "bootstrap/rebuilding.py", "bootstrap/reporting.py", "bootstrap/redress.py", "bootstrap/raw_values.py",
    "bootstrap/ruleset_texts.py", "bootstrap/tracing.py", "bootstrap/watch_files.py", "bootstrap/watching.py",
    "bootstrap/artefacts.py", "bootstrap/journal_looking.py", "privacy/customer_reading.py", "records/database.py",
)  # fmt: skip
"""Packages and modules whose errors reach a page; the rest begins processes, trains, federates, or is the command line."""
AT_THE_START = frozenset({
    "identity/domain/policy.py", "reporting/domain/code_tables.py", "base/listening.py", "api/server.py",
    "cases/domain/assignment.py", "redress/domain/routing.py", "contact/channels.py", "rules/kernel_cache.py",
})  # fmt: skip
"""Modules that read settings when a process begins; what they refuse ends it and reaches no page."""
NO_DETAIL = frozenset({"Damaged", "Integrity"})
"""Answered as an internal error, without their detail."""
CHINESE = re.compile(r"[\u3400-\u9fff]")
_WORDS = re.compile(r"[A-Za-z]{2,}")
_CLASS = re.compile(r"^class (\w+)\(([^)]*)\)", re.MULTILINE)


@cache
def trees() -> dict[str, ast.Module]:
    """The modules that a service answers from."""
    found = {path.relative_to(SOURCES).as_posix(): path for path in sorted(SOURCES.rglob("*.py"))}
    return {
        module: ast.parse(path.read_text(encoding="utf-8"))
        for module, path in found.items()
        if any(module == each or module.startswith(f"{each}/") for each in ANSWERED_FROM)
    }


@cache
def family() -> frozenset[str]:
    """Names of every class that descends from TarimError."""
    bases: dict[str, set[str]] = {}
    for path in SOURCES.rglob("*.py"):
        for name, above in _CLASS.findall(path.read_text(encoding="utf-8")):
            bases.setdefault(name, set()).update(each.strip().rpartition(".")[2] for each in above.split(","))
    found = {"TarimError"}
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return frozenset(found)


def written(node: ast.expr | None) -> Iterator[str]:
    """The message as it is written, values as `{}`; both of a choice; nothing for what is only known later."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    elif isinstance(node, ast.IfExp):
        yield from written(node.body)
        yield from written(node.orelse)


@cache
def raised() -> dict[str, str]:
    """Messages that a service can raise on the way to a page, with where."""
    found: dict[str, str] = {}
    for module, tree in trees().items():
        if module in AT_THE_START:
            continue
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            at = 2 if name == "Problem" else 1 if name == "FieldError" else 0
            if (name not in family() - NO_DETAIL and name != "Problem") or len(node.args) <= at:
                continue
            argument: ast.expr | None = node.args[at]
            if isinstance(argument, ast.Name):
                argument = constants.get(argument.id)
            for message in written(argument):
                if len(_WORDS.findall(message)) >= 2:
                    found.setdefault(message, f"{module}:{node.lineno}")
    return found


def filled(message: str) -> str:
    """The message with values."""
    pieces = message.split("{}")
    return "".join(piece + (f"v{n}" if n < len(pieces) - 1 else "") for n, piece in enumerate(pieces))


def test_every_message_that_a_service_can_raise_has_both_languages() -> None:
    assert len(raised()) > 350, "the walk finds them"
    missing = [
        f"{where}  {message}"
        for message, where in raised().items()
        if not CHINESE.search(message) and message not in RULES_ZH and not refusals.halves_of(filled(message))[1]
    ]
    assert not missing, "no Chinese in console/refusals.po:\n" + "\n".join(missing)


def test_each_half_is_of_one_language() -> None:
    """Neither half of a bilingual message, nor a Chinese one of the catalogue, holds a sentence of the other language."""
    wrong = []
    for message, where in raised().items():
        if CHINESE.search(message):
            english, chinese = refusals.halves_of(filled(message))
            if CHINESE.search(english) or not CHINESE.search(chinese) or (english and chinese == english):
                wrong.append(f"{where}  {english!r} {chinese!r}")
    assert not wrong, "\n".join(wrong)


def test_the_catalogue_is_whole_and_holds_nothing_that_is_not_said() -> None:
    known = {
        message
        for tree in trees().values()
        for node in ast.walk(tree)
        for message in written(node if isinstance(node, ast.Constant | ast.JoinedStr) else None)
    }
    left = [english for english in refusals.catalogue() if english not in known]
    assert not left, f"said nowhere any more: {left}"
    for english, chinese in refusals.catalogue().items():
        values = english.count("{}")
        assert all(int(each) < values for each in re.findall(r"{(\d+)}", chinese)), english
        assert CHINESE.search(chinese) and not CHINESE.search(english), english


@pytest.mark.parametrize(
    ("body", "zh", "en"),
    [
        ({"detail": "there is no case CASE-2026-000001"}, "没有案件 CASE-2026-000001", "there is no case CASE-2026-000001"),
        ({"detail": "the rule 大额 is not live. 规则未上线。"}, "规则未上线。", "the rule 大额 is not live."),
        ({"detail": "name: must be 1 to 64 printable characters", "field": "name",
          "rule": "must be 1 to 64 printable characters"}, "须为 1 至 64 个可见字符", "must be 1 to 64 printable characters"),
        ({"detail": "amount: must be whole", "rule": "must be whole", "rule_zh": "须为整数"}, "须为整数", "must be whole"),
        ({"detail": "something nobody has translated"}, "服务没有给出中文说明。", "something nobody has translated"),
    ],
)  # fmt: skip
def test_a_refusal_is_in_the_viewers_language(body: dict[str, str], zh: str, en: str) -> None:
    for language, expected in (("zh", zh), ("en", en)):
        speak(language)  # type: ignore[arg-type]
        error = refused_by_a_service(body)
        assert error.detail == expected
        assert error.original == (en if expected == "服务没有给出中文说明。" else "")
    speak("zh")


def refused_by_a_service(body: dict[str, str]) -> Refused:
    async def run() -> None:
        service = Service("desk", "http://desk.example", ConsoleSettings())
        answer = httpx.Response(409, content=msgspec.json.encode(body))
        service._client = httpx.AsyncClient(
            base_url="http://desk.example", transport=httpx.MockTransport(lambda _request: answer)
        )
        await service.ask("GET", "/v1/x", visitor=Visitor())

    with pytest.raises(Refused) as raised_by:
        asyncio.run(run())
    return raised_by.value
