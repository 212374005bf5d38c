"""One catalogue: every message of a page has an English text, none is left over, and no template says a word beside it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment

from tarim.console.rendering import TEMPLATES
from tarim.console.words import FOLDER, english

CODE = FOLDER.parent
CHINESE = re.compile(r"[\u3400-\u9fff]")
_JINJA = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
_TAG = re.compile(r"<[^>]*>", re.DOTALL)
_SPOKEN = re.compile(r'\b(?:aria-label|title|placeholder|alt|summary)="([^"]*)"')
_LATIN = re.compile(r"[A-Za-z]{3,}")
BOTH_LANGUAGES = 6
"""So many Latin words beside Chinese ones: a message of the command line, which says everything in both languages."""
_ASIDE = frozenset({"nbsp", "English", "SHA", "PDF", "CSV", "XML", "JSON", "AUC", "PSI"})
"""Words of templates that are no language's: entities, the name of the other language, names of formats and measures."""


def templates() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


def modules() -> list[Path]:
    return sorted(path for path in CODE.glob("*.py"))


def literals(module: Path) -> Iterator[tuple[str, bool]]:
    """(text with Chinese in it, whether it is a piece of an f-string), but no docstrings and nothing that `either` is given."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    left_out: set[int] = set()
    pieces: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            left_out |= {id(each.value) for each in body if isinstance(each, ast.Expr)}
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "either":
            left_out |= {id(each) for argument in node.args for each in ast.walk(argument)}
        if isinstance(node, ast.JoinedStr):
            pieces |= {id(each) for each in node.values}
    for node in ast.walk(tree):
        said = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out
        if said and CHINESE.search(node.value) and len(_LATIN.findall(node.value)) < BOTH_LANGUAGES:
            yield node.value, id(node) in pieces


def spoken() -> set[str]:
    """Every message that code or a template may look up."""
    found = {text for module in modules() for text, piece in literals(module) if not piece}
    for path in templates():
        for part in _JINJA.findall(path.read_text(encoding="utf-8")):
            tokens = Environment().lex(part) if not part.startswith("{#") else ()
            found |= {
                ast.literal_eval(text) for _line, kind, text in tokens if kind == "string" and CHINESE.search(text)
            }
    return found


@pytest.mark.parametrize("module", modules(), ids=lambda path: path.stem)
def test_no_sentence_is_put_together_where_only_one_language_can_follow(module: Path) -> None:
    assert not [text for text, piece in literals(module) if piece], "use _('...{name}...').format(name=...) or either()"


def test_every_message_has_an_english_text() -> None:
    missing = sorted(text for text in spoken() if not english().get(text))
    assert not missing, f"{len(missing)} without English: {missing[:20]}"


def test_no_message_is_left_over() -> None:
    left = sorted(set(english()) - spoken())
    assert not left, f"{len(left)} that nothing says: {left[:20]}"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.po")), ids=lambda path: path.stem)
def test_a_catalogue_says_each_message_once_and_in_english(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    ids = re.findall(r'^msgid "(.+)"$', text, re.MULTILINE)
    assert len(ids) == len(set(ids)), sorted(each for each in set(ids) if ids.count(each) > 1)
    with path.open("rb") as file:
        for message in read_po(file, locale="en"):
            assert not CHINESE.search(str(message.string)), message.id
            assert sorted(re.findall(r"{\w*}|%\w", str(message.id))) == sorted(
                re.findall(r"{\w*}|%\w", str(message.string))
            ), f"{message.id}: other places to fill"


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.relative_to(TEMPLATES).as_posix())
def test_a_template_says_nothing_beside_the_catalogue(path: Path) -> None:
    bare = _JINJA.sub("", path.read_text(encoding="utf-8"))
    said = [*_TAG.sub(" ", bare).split("\n"), *_SPOKEN.findall(bare)]
    for line in said:
        words = [each for each in _LATIN.findall(line) if each not in _ASIDE]
        assert not CHINESE.search(line) and not words, line.strip()


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.relative_to(TEMPLATES).as_posix())
def test_a_template_has_no_script_and_no_style_of_its_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|hx-on|hx-vals=.js:|<script(?![^>]*\ssrc=)", text
    )
    assert "| safe" not in text and "|safe" not in text, "what a channel or a person wrote would come through"
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text
