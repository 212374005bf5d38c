"""Name screening: does it find, does it find only that, and how long does it take?

    recall      questions whose right party is among the matches / questions that have one
    precision   right matches / all parties matched, over questions with and without an answer, about as many of each

The held-out halves of `bench.name_cases` are judged; the development halves are for choosing the threshold:

    python -m bench.names --development     recall and precision by threshold, and what is missed
    python -m bench.names --information     aliases that the list does not have, and customers who are nobody
    python -m bench.names --count-words     counts the words of the development half into common_words.json
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.acceptance import Line, Run, at_least, at_most
from bench.name_cases import (
    Cases,
    develops,
    left_out_alias_cases,
    list_cases,
    members_of,
    parties_of,
    real_entries,
    romanisation_cases,
)
from tarim.screening import (
    NAME_THRESHOLD,
    CustomerNames,
    ListEntry,
    NameList,
    Screener,
    Subject,
)

RECALL_LEAST = 0.95
PRECISION_LEAST = 0.80
NAME_MS_MOST = 5.0
RESCREEN_S_MOST = 60.0
ENTRIES = 25_000
CUSTOMERS = 350_000
CHANGED_ENTRIES = 100
ROMANISATION = "names, romanisation cases"
VARIANTS = "names, variants of the real lists"


@dataclass(frozen=True)
class Judged:
    """What was found at a threshold.  missed, wrong: by sort of question."""

    recall: float
    precision: float
    missed: Counter[str]
    wrong: Counter[str]
    asked: Counter[str]


def judge(run: Run) -> Iterator[Line]:
    """All lines of the bar `names`."""
    for name, cases in ((ROMANISATION, romanisation_cases(True)), (VARIANTS, list_cases(True, run.pick(2_000, 40)))):
        found = judge_cases(cases, answers(cases), NAME_THRESHOLD)
        note = f"{sum(found.asked.values()):,} questions, held out"
        yield at_least(f"{name}: recall", RECALL_LEAST, found.recall, note=note)
        yield at_least(f"{name}: precision", PRECISION_LEAST, found.precision, note=note)
    yield from judge_speed(run)
    yield from judge_rescreening(run)


def answers(cases: Cases, least: float = NAME_THRESHOLD) -> list[dict[int, float]]:
    """For each question the parties matched, with their best score."""
    screener = Screener([cases.listed], least)
    found: list[dict[int, float]] = []
    for case in cases.cases:
        scores: dict[int, float] = {}
        for match in screener.screen(Subject(case.name)):
            party = cases.parties[match.entry.id]
            scores[party] = max(match.score, scores.get(party, 0.0))
        found.append(scores)
    return found


def judge_cases(cases: Cases, found: Sequence[dict[int, float]], threshold: float) -> Judged:
    """Recall and precision of the answers at a threshold."""
    asked, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    right = 0
    for case, scores in zip(cases.cases, found, strict=True):
        matched = {party for party, score in scores.items() if score >= threshold}
        asked[case.sort] += 1
        if case.party >= 0:
            right += case.party in matched
            missed[case.sort] += case.party not in matched
        wrong[case.sort] += len(matched - {case.party})
    answerable = sum(case.party >= 0 for case in cases.cases)
    return Judged(right / answerable, right / (right + wrong.total()), missed, wrong, asked)


# ---------------------------------------------------------------------------------------------------------------- speed
def large_list(entries: Sequence[ListEntry], count: int) -> NameList:
    """A list of `count` entries with as many aliases each as the real ones have: the real ones, then recombined ones.

    A recombined entry has the kind and the number of names of a real one, each name with a third of its words replaced by
    words of other names.
    """
    chance = random.Random(1)
    vocabulary = [word for entry in entries for name in entry.names for word in name.text.split()]
    more = list(entries[:count])
    while len(more) < count:
        model = chance.choice(entries)
        names = tuple(replace(name, text=_recombined(name.text, vocabulary, chance)) for name in model.names)
        more.append(replace(model, id=f"made-{len(more)}", names=names))
    return NameList("large", "", tuple(more))


def _recombined(text: str, vocabulary: Sequence[str], chance: random.Random) -> str:
    words = [chance.choice(vocabulary) if chance.random() < 1 / 3 else word for word in text.split()]
    return " ".join(words)[:200]


def judge_speed(run: Run) -> Iterator[Line]:
    """Every question is a name not asked before: half listed names, half names of customers."""
    entries = real_entries()
    listed = large_list(entries, run.pick(ENTRIES, 2_000))
    names = sum(len(entry.names) for entry in listed.entries)
    screener = Screener([listed])
    chance = random.Random(3)
    count = run.pick(2_000, 100)
    asked = [chance.choice(entry.names).text for entry in chance.sample(listed.entries, count // 2)]
    asked += customer_names(count // 2, seed=4)
    for name in asked[:20]:
        screener.screen(Subject(name))
    taken = []
    for name in asked[20:]:
        begun = time.perf_counter()
        screener.screen(Subject(name))
        taken.append((time.perf_counter() - begun) * 1_000)
    p50, p99 = np.percentile(taken, [50, 99])
    note = f"p50 {p50:.2f}, p99 {p99:.2f}; {len(listed.entries):,} entries, {names:,} names"
    yield at_most("names, ms a name, mean", NAME_MS_MOST, float(np.mean(taken)), note=note)


# --------------------------------------------------------------------------------------------------------- re-screening
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"  # noqa: E501
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英华玉萍红玲芬燕彬宇浩凯健俊帆雪琳佳慧欣怡晨曦子轩梓涵博文志国建海波鹏飞云龙春梅荣生福贵德胜利民安康宁思远天一鑫雨婷嘉豪若晓东小红新泽瑞雯诗琪"  # noqa: E501


def customer_names(count: int, seed: int) -> list[str]:
    """Names of a Chinese bank's customers: 96 % Chinese in characters, 2 % in pinyin, 2 % recombined Latin names."""
    from pypinyin import lazy_pinyin

    chance = random.Random(seed)
    latin = [name.text.replace(",", "").split() for entry in real_entries()[::7] for name in entry.names[:1]]
    made: list[str] = []
    for _ in range(count):
        kind = chance.random()
        chinese = chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=2 if chance.random() < 0.8 else 1))
        if kind < 0.96:
            made.append(chinese)
        elif kind < 0.98:
            family, *given = lazy_pinyin(chinese)
            made.append(f"{family.title()} {''.join(given).title()}")
        else:
            made.append(f"{chance.choice(chance.choice(latin))} {chance.choice(chance.choice(latin))}")
    return made


def judge_rescreening(run: Run) -> Iterator[Line]:
    """A hundred entries change; all customers are asked about them, the making of the index included."""
    count = run.pick(CUSTOMERS, 4_000)
    customers = {token: Subject(name) for token, name in enumerate(customer_names(count, seed=5))}
    changed = random.Random(6).sample(real_entries(), CHANGED_ENTRIES)
    planted = {len(customers) + i: Subject(entry.names[0].text) for i, entry in enumerate(changed)}
    begun = time.perf_counter()
    known = CustomerNames(customers | planted)
    indexed_s = time.perf_counter() - begun
    found = known.rescreen(changed)
    taken_s = time.perf_counter() - begun
    lost = sum(token not in found for token in planted)
    note = f"{taken_s - indexed_s:.1f} s with the index kept; {count:,} customers, {len(found):,} matched, {lost} planted lost"
    yield at_most("names, re-screening of all customers", RESCREEN_S_MOST, taken_s, " s", note)


# ---------------------------------------------------------------------------------------------------------- development
def print_development() -> None:
    """Recall and precision by threshold on the development halves."""
    for name, cases in ((ROMANISATION, romanisation_cases(False)), (VARIANTS, list_cases(False, 2_000))):
        found = answers(cases, 0.74)
        print(name, dict(Counter(case.sort for case in cases.cases)))
        for threshold in np.arange(0.76, 0.96, 0.02):
            judged = judge_cases(cases, found, float(threshold))
            print(f"  {threshold:.2f}  recall {judged.recall:.4f}  precision {judged.precision:.4f}")
        judged = judge_cases(cases, found, NAME_THRESHOLD)
        for sort, asked in judged.asked.items():
            print(f"  {sort:24} {asked:6} asked {judged.missed[sort]:5} missed {judged.wrong[sort]:5} wrong parties")


def print_information() -> None:
    """Recall on aliases that were taken off the list; how many of 10,000 made-up customers match somebody."""
    cases = left_out_alias_cases(2_000)
    judged = judge_cases(cases, answers(cases), NAME_THRESHOLD)
    print(f"aliases left out: {len(cases.cases):,} asked, recall {judged.recall:.4f}, precision {judged.precision:.4f}")
    screener = Screener([NameList("lists", "", real_entries())])
    matched = sum(bool(screener.screen(Subject(name))) for name in customer_names(10_000, seed=9))
    print(f"made-up customers: 10,000 asked, {matched:,} match somebody")


def count_words() -> None:
    """Write how often folded words occur in the development half."""
    from tarim.screening.names.folding import NOISE
    from tarim.screening.names.normal import prepare_name

    entries = real_entries()
    party = parties_of(entries)
    members = members_of(entries, party)
    counted = Counter[str]()
    for entry in entries:
        if not develops(members[party[entry.id]]):
            continue
        for name in (name for name in entry.names if name.text.isascii()):
            for prepared in prepare_name(name.text):
                counted.update({word.fold for word in prepared.words if word.text not in NOISE and not word.initial})
    common = {
        word: count for word, count in sorted(counted.items(), key=lambda item: (-item[1], item[0])) if count >= 5
    }
    target = Path(__file__).resolve().parents[1] / "src/tarim/screening/names/common_words.json"
    target.write_text(json.dumps(common, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--information", action="store_true")
    parser.add_argument("--count-words", action="store_true")
    options = parser.parse_args()
    if options.count_words:
        count_words()
    if options.development:
        print_development()
    if options.information:
        print_information()
