"""A match in words, Chinese and English: which name, which words, what spoke for and against."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tarim.screening.names.domain import Kind, Quality
from tarim.screening.names.matching import Evidence, Match


class Sentence(NamedTuple):
    """One thing said in both languages."""

    zh: str
    en: str


KIND_NAMES: Final = MappingProxyType(
    {
        Kind.PERSON: Sentence("个人", "person"),
        Kind.ENTITY: Sentence("机构", "entity"),
        Kind.VESSEL: Sentence("船舶", "vessel"),
        Kind.AIRCRAFT: Sentence("航空器", "aircraft"),
    }
)
_QUALITIES: Final = MappingProxyType(
    {
        Quality.PRIMARY: Sentence("主名称", "its main name"),
        Quality.STRONG: Sentence("别名", "an alias"),
        Quality.WEAK: Sentence("弱别名", "a weak alias"),
    }
)
_EVIDENCE: Final = MappingProxyType(
    {
        Evidence.WEAK_ALIAS: Sentence(
            "弱别名单独不足以识别，降低得分。", "A weak alias identifies little by itself: the score is lowered."
        ),
        Evidence.BIRTH_SAME_DAY: Sentence(
            "出生日期完全相同，支持匹配。", "The day of birth is the same: speaks for it."
        ),
        Evidence.BIRTH_OVERLAPS: Sentence("出生日期相容，支持匹配。", "The dates of birth agree: speaks for it."),
        Evidence.BIRTH_NEAR: Sentence(
            "出生日期相差不超过三年，略微降低得分。",
            "The dates of birth are within three years: speaks a little against it.",
        ),
        Evidence.BIRTH_FAR: Sentence(
            "出生日期相差三年以上，反对匹配。", "The dates of birth are more than three years apart: speaks against it."
        ),
        Evidence.COUNTRY_SHARED: Sentence("有共同的国家或地区，支持匹配。", "A country is shared: speaks for it."),
        Evidence.COUNTRY_OTHER: Sentence(
            "没有共同的国家或地区，略微降低得分。", "No country is shared: speaks a little against it."
        ),
    }
)


def explain(match: Match) -> tuple[Sentence, ...]:
    """Why this match has its score: the name first, then what differs in it, then the evidence."""
    quality = _QUALITIES[match.name.quality]
    name, score = match.name.text, f"{match.name_score:.2f}"
    sentences = [
        Sentence(
            f"与{match.entry.source}名单条目 {match.entry.id} 的{quality.zh}“{name}”相似，姓名得分 {score}。",
            f"Alike to “{name}”, {quality.en} of entry {match.entry.id} of {match.entry.source}: name score {score}.",
        )
    ]
    if match.comparison.by_syllable:
        sentences.append(
            Sentence(
                "按中文或朝鲜语音节逐一比较，允许姓在前或在后。", "Compared by syllable, family name first or last."
            )
        )
    for pair in match.comparison.pairs:
        if pair.asked and pair.listed and pair.similarity < 1:
            sentences.append(
                Sentence(
                    f"“{pair.asked}”对应“{pair.listed}”，相似度 {pair.similarity:.2f}。",
                    f"“{pair.asked}” stands for “{pair.listed}”, similarity {pair.similarity:.2f}.",
                )
            )
        elif not pair.listed:
            sentences.append(Sentence(f"名单中没有“{pair.asked}”。", f"“{pair.asked}” is not in the listed name."))
        elif not pair.asked:
            sentences.append(Sentence(f"所查姓名中没有“{pair.listed}”。", f"“{pair.listed}” is not in the asked name."))
    return (*sentences, *(_EVIDENCE[item] for item in match.evidence))


def plain_match(match: Match) -> dict[str, Any]:
    """A match as JSON takes it, for the person who asked: it repeats words of the asked name, so it is never kept."""
    return {
        "entry": match.entry.id,
        "source": match.entry.source,
        "programme": match.entry.programme,
        "kind": match.entry.kind.value,
        "name": match.name.text,
        "quality": match.name.quality.value,
        "score": round(match.score, 4),
        "name_score": round(match.name_score, 4),
        "pairs": [
            {"asked": pair.asked, "listed": pair.listed, "similarity": round(pair.similarity, 4)}
            for pair in match.comparison.pairs
        ],
        "evidence": [each.value for each in match.evidence],
        "countries": list(match.entry.countries),
        "births": [f"{span.first}/{span.last}" for span in match.entry.births],
        "explanation": [sentence._asdict() for sentence in explain(match)],
    }
