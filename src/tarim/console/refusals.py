"""What services say of a refusal, or of a job that failed, in the viewer's language and in no other.

A service says most of it in English and then in Chinese, some of it in English only.  The Chinese of the latter stands in
`refusals.po` by the sentence with `{}` for its values.  A sentence that is neither is never put on a Chinese page as if it
were one: the page says that it has no Chinese, and keeps the original behind a fold, marked as English.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

from tarim.console.words import _, spoken

CATALOGUE: Final = Path(__file__).with_name("refusals.po")
_BOTH: Final = re.compile(r"(?P<english>.*?[.;] ?)(?P<chinese>[^.;]*[\u3400-\u9fff].*)", re.DOTALL)
_CHINESE: Final = re.compile(r"[\u3400-\u9fff]")
_WORD: Final = re.compile(r"[A-Za-z]{2,}")
_ENGLISH_WORDS: Final = 2
"""So many words in Latin letters before the first full stop are an English sentence, and no name within a Chinese one."""


@cache
def catalogue() -> dict[str, str]:
    """Chinese by English, with `{}` for values there and `{0}`, `{1}` here."""
    with CATALOGUE.open("rb") as file:
        return {str(each.id): str(each.string) for each in read_po(file, locale="zh_CN") if each.id}


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Sentences with values, those with the most words of their own first."""
    found = sorted((each for each in catalogue() if "{}" in each), key=lambda each: -len(each.replace("{}", "")))
    return [
        (re.compile("(.+?)".join(map(re.escape, each.split("{}"))), re.DOTALL), catalogue()[each]) for each in found
    ]


def halves_of(sentence: str) -> tuple[str, str]:
    """(English, Chinese) of what a service says; "" for the one that it does not say."""
    found = _BOTH.fullmatch(sentence)
    if found is not None and len(_WORD.findall(found["english"])) >= _ENGLISH_WORDS:
        return found["english"].rstrip("; "), found["chinese"]
    if _CHINESE.search(sentence) and len(_WORD.findall(sentence)) < _ENGLISH_WORDS * 2:
        return "", sentence
    return sentence, _from_catalogue(sentence)


def _from_catalogue(sentence: str) -> str:
    plain = sentence.strip()
    for each in (plain, plain.rstrip(".")):
        if each in catalogue():
            return catalogue()[each]
        for pattern, chinese in _patterns():
            found = pattern.fullmatch(each)
            if found is not None:
                return chinese.format(*found.groups())
    return ""


def said(sentence: str) -> str:
    """The viewer's half; on a Chinese page what has no Chinese is told to have none."""
    if not sentence:
        return ""
    english, chinese = halves_of(sentence)
    if spoken() == "zh":
        return chinese or _("服务没有给出中文说明。")
    return english or chinese


def original_of(sentence: str) -> str:
    """The English of what has no Chinese, on a Chinese page; else ""."""
    english, chinese = halves_of(sentence)
    return english if spoken() == "zh" and not chinese else ""
