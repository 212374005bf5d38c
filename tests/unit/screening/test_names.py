"""Name screening: what counts as the same name, what speaks for and against."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tarim.base.errors import FieldError
from tarim.cli import main
from tarim.screening import (
    BirthSpan,
    CustomerNames,
    Evidence,
    Kind,
    ListedName,
    ListEntry,
    NameList,
    Quality,
    Screener,
    Subject,
    compare_editions,
    country_code,
    explain,
)
from tarim.screening.names.folding import fold, word_similarity
from tarim.screening.names.matching import compare_all
from tarim.screening.names.normal import prepare_name
from tarim.screening.names.syllables import readings_of, split_syllables


def entry(name: str, number: int = 1, *, kind: Kind = Kind.PERSON, **more: object) -> ListEntry:
    names = (ListedName(name), *(ListedName(text, Quality.STRONG) for text in more.pop("aliases", ())))  # type: ignore[attr-defined]
    return ListEntry(f"T-{number}", "T", "TEST", kind, names, **more)  # type: ignore[arg-type]


def alike(asked: str, listed: str, kind: Kind = Kind.PERSON) -> float:
    found = compare_all(prepare_name(asked), prepare_name(listed), kind)
    return found.score if found else 0.0


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("Vladimir Igorevich KOZHIN", "KOZHIN, Vladimir Igorevich"),  # order
        ("Vladimir Kozhin", "KOZHIN, Vladimir Igorevich"),  # a middle name left out
        ("Vladimir I. Kozhin", "KOZHIN, Vladimir Igorevich"),  # an initial
        ("Haji Gula Khan Hamidi", "HAMIDI, Gula Khan"),  # a title
        ("Mohamed Yousef", "MUHAMMAD, Youssef"),  # transliteration
        ("Khaled Qasem", "KHALID, Kassim"),
        ("Abdulrahman Fawaz", "Abd al-Rahman FAWAZ"),  # one word or three
        ("Ahmad Hassanzadeh", "HASSAN ZADEH, Ahmad"),
        ("Yevgeny Prigozhin", "Евгений Пригожин"),  # script
        ("Francois Bozize", "FRANÇOIS BOZIZÉ"),  # marks
        ("عبد الخالق الحوثى", "عبدالخالق الحوثي"),
        ("Jankovic Gjoko", "JANKOVIC, Gojko"),  # two letters swapped
        ("Ou Yang Wei Ming", "Wei-Ming OuYang"),
        ("ZhangWei", "Zhang Wei"),
        ("Zhang, W.-M.", "W. M. Zhang"),
    ],
)
def test_the_same_name_written_otherwise_is_found(asked: str, listed: str) -> None:
    assert alike(asked, listed) >= 0.82
    assert alike(listed, asked) == pytest.approx(alike(asked, listed)), "both directions give the same score"


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("蒋介石", "Chiang Kai-shek"),  # Cantonese
        ("毛泽东", "Mao Tse-tung"),  # Wade-Giles
        ("邓小平", "Teng Hsiao-p'ing"),
        ("鄧小平", "Deng Xiaoping"),  # traditional characters
        ("周恩来", "Chou En-lai"),
        ("李家超", "Lee Ka-chiu"),  # Hong Kong
        ("梁振英", "Leung Chun-ying"),
        ("林郑月娥", "Lam Cheng Yuet-ngor"),
        ("曾荫权", "Tsang Yam-kuen"),  # 曾 is zeng here, ceng elsewhere
        ("周润发", "Chow Yun-fat"),
        ("李嘉诚", "Li Ka-shing"),
        ("蔡英文", "Tsai Ing-wen"),  # Taiwan
        ("马英九", "Ma Ying-jeou"),
        ("谢长廷", "Hsieh Chang-ting"),
        ("魏学龙", "WEI, Hsueh Lung"),
        ("徐志摩", "Hsu Chih-mo"),
        ("Kim Jong Un", "Gim Jeong-eun"),  # Korean
        ("Pak Pong-ju", "Park Bong Joo"),
        ("林玉山", "Lim Yu-shan"),
    ],
)
def test_romanisations_of_one_name_meet(asked: str, listed: str) -> None:
    assert alike(asked, listed) >= 0.82


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("Mohammed Ali Hassan", "Mohammed Ali Jafari"),
        ("John Peter Smith", "John Michael Smith"),
        ("Jin Ho Lee", "Jae-Ho Lee"),
        ("Li Ming", "Li Mingli"),
        ("Ming-Li Zeng", "Li-Ming Zeng"),  # the syllables of a given name keep their order
        ("X. F. Han", "Xue-Feng Han"),  # initials of syllables say too little
        ("Ali", "Ali Hassan Saleh"),
        ("张伟", "章维"),  # one sound, other characters of the same set
        ("王芳", "黄芳"),
        ("魏龙", "WEI, Hsueh Lung"),  # a syllable is no middle name
        ("Huji Wang", "HUJI"),
        ("程芳", "Sheng Fang"),  # ch and sh are spellings of one sound elsewhere, not in pinyin
    ],
)
def test_another_name_stays_another_name(asked: str, listed: str) -> None:
    assert alike(asked, listed) < 0.82


def test_a_simplified_and_a_traditional_character_may_be_the_same() -> None:
    assert alike("张伟", "張偉") == 1.0
    assert alike("张伟", "张玮") < 1.0


def test_companies_and_aircraft_are_held_to_more() -> None:
    assert alike("Mahan Air Company Limited", "MAHAN AIR", Kind.ENTITY) >= 0.95, "company forms say almost nothing"
    assert alike("Mahan Air General Cargo Service", "MAHAN AIR", Kind.ENTITY) < 0.82
    assert alike("YV 2984", "YV2984", Kind.AIRCRAFT) == 1.0
    assert alike("YV2985", "YV2984", Kind.AIRCRAFT) == 0.0


def test_words_and_syllables() -> None:
    assert {fold(word) for word in ("mohammed", "mohamed", "mohhamed")} == {"mohamed"}
    assert word_similarity("qadhafi", "kadafi") == 0.97
    assert word_similarity("khaled", "khalid") == 0.92
    assert word_similarity("ali", "ala") == 0.0, "short words that differ are other words"
    assert split_syllables("ouyang") == ("ou", "yang")
    assert split_syllables("xi'an") == ("xi", "an")
    assert split_syllables("smith") == ()
    assert "huang" in readings_of("wong") and "wang" in readings_of("wong")
    assert not prepare_name("?! .,")


def test_a_name_too_long_is_refused_without_being_repeated() -> None:
    with pytest.raises(FieldError) as caught:
        Subject("Smith " * 200)
    assert "Smith" not in caught.value.detail
    with pytest.raises(FieldError, match="two capital letters"):
        Subject("Smith", None, ("China",))
    assert "Smith" not in repr(Subject("Smith"))


# ------------------------------------------------------------------------------------------------------------- evidence
LISTED = entry("KOZHIN, Vladimir", births=(BirthSpan.parse("1959-02-28"),), countries=("RU",))


@pytest.mark.parametrize(
    ("birth", "countries", "expected", "score"),
    [
        ("1959-02-28", (), Evidence.BIRTH_SAME_DAY, 1.0),
        ("1959", (), Evidence.BIRTH_OVERLAPS, 1.0),
        ("1961-01", (), Evidence.BIRTH_NEAR, 0.97),
        ("1980", (), Evidence.BIRTH_FAR, 0.85),
        ("", ("RU", "CN"), Evidence.COUNTRY_SHARED, 1.0),
        ("", ("CN",), Evidence.COUNTRY_OTHER, 0.97),
    ],
)
def test_dates_and_countries_speak_for_and_against(
    birth: str, countries: tuple[str, ...], expected: Evidence, score: float
) -> None:
    subject = Subject("Vladimir Kozhin", BirthSpan.parse(birth) if birth else None, countries)
    (match,) = Screener([NameList("t", "", (LISTED,))]).screen(subject)
    assert match.evidence == (expected,)
    assert "vladimir" not in repr(match), "the asked name is not shown"
    assert match.score == pytest.approx(score)
    assert match.name_score == 1.0


def test_evidence_lifts_an_uncertain_name_and_lowers_a_weak_alias() -> None:
    screener = Screener([NameList("t", "", (LISTED,))], 0.5)
    (plain,) = screener.screen(Subject("Vladimir Kochin"))
    (born,) = screener.screen(Subject("Vladimir Kochin", BirthSpan.parse("1959-02-28"), ("RU",)))
    assert plain.score == plain.name_score == born.name_score < born.score < 1
    weak = replace(LISTED, names=(ListedName("El Coyote", Quality.WEAK),))
    (match,) = Screener([NameList("t", "", (weak,))]).screen(Subject("El Coyote"))
    assert match.evidence == (Evidence.WEAK_ALIAS,) and match.score == pytest.approx(0.92)


def test_every_part_of_a_match_is_said_in_both_languages() -> None:
    listed = entry("KOZHIN, Vladimir Igorevich", births=LISTED.births, countries=("RU",))
    (match,) = Screener([NameList("t", "", (listed,))]).screen(
        Subject("Wladimir Kozhin", BirthSpan.parse("1959"), ("CN",))
    )
    said = explain(match)
    chinese, english = "".join(s.zh for s in said), " ".join(s.en for s in said)
    for part in ("KOZHIN, Vladimir Igorevich", "T-1", "wladimir", "igorevich"):
        assert part in chinese and part in english
    assert "出生日期相容" in chinese and "No country is shared" in english
    assert len(said) == 5


def test_partial_dates() -> None:
    assert BirthSpan.parse("1970") == BirthSpan(date(1970, 1, 1), date(1970, 12, 31))
    assert BirthSpan.parse("1970-12").last == date(1970, 12, 31)
    for wrong in ("70", "1970-13", "1970-02-30", "May 1970"):
        with pytest.raises(FieldError) as caught:
            BirthSpan.parse(wrong)
        assert wrong not in caught.value.detail.replace("1970-05", "").replace("1970", "", 1) or wrong == "70"


def test_country_names_of_the_lists() -> None:
    names = (
        "Korea, North",
        "Congo, Democratic Republic of the",
        "Iran (Islamic Republic of)",
        "Bahamas, The",
        "Türkiye",
    )
    assert [country_code(name) for name in names] == ["KP", "CD", "IR", "BS", "TR"]
    assert country_code("undetermined") == ""


# -------------------------------------------------------------------------------------------------------- re-screening
def test_what_changed_between_two_editions() -> None:
    one, two, three = (entry(name, number) for number, name in enumerate(("Alpha One", "Beta Two", "Gamma Three")))
    before = NameList("t", "a", (one, two))
    after = NameList("t", "b", (replace(one, programme="OTHER"), three))
    change = compare_editions(before, after)
    assert [found.id for found in change.changed] == ["T-0", "T-2"]
    assert change.removed == ("T-1",)
    assert compare_editions(before, before).changed == ()


PEOPLE = (
    "张伟 李娜 王芳 欧阳明 曾志伟 Wong Siu Ming|Zhang Wei|Lee Ka-shing|Mohammed Youssef|Khaled al-Rahman|Vladimir Kozhin|"
    "Gojko Jankovic|Kim Jong Un|Abdulrahman Fawaz|Jose Garcia Lopez|Garcia Jose|Mahan Air|Ou Yang Ming|Eric Chan Tai Man"
)


def test_asking_all_customers_about_changes_equals_screening_each_of_them() -> None:
    """A list of the same people in other spellings; the first asking is empty, then entries come one by one."""
    people = [name for part in PEOPLE.split("|") for name in (part.split() if part[0] > "\u4e00" else [part])]
    spelt = [
        "ZHANG Wei",
        "Muhammad Yusuf",
        "Abd al-Rahman FAWAZ",
        "KOZHIN, Vladimir I.",
        "Gim Jeong-eun",
        "GARCIA LOPEZ, Jose",
    ]
    spelt += [
        "王小明",
        "黄小明",
        "Li Jiacheng",
        "Ouyang Ming",
        "MAHAN AIR CO",
        "Tsang Chi Wai",
        "JANKOVIC, Gjoko",
        "Khalid RAHMAN",
    ]
    entries = tuple(entry(name, number) for number, name in enumerate(spelt))
    customers = {token: Subject(name) for token, name in enumerate(people)}
    screener = Screener([NameList("t", "", entries)])
    each = {(token, match.entry.id): match.score for token, who in customers.items() for match in screener.screen(who)}
    asked = CustomerNames(customers).rescreen(entries)
    together = {(token, match.entry.id): match.score for token, matches in asked.items() for match in matches}
    assert together == each
    assert len(each) >= 10


# --------------------------------------------------------------------------------------------------------- command line
def test_the_command_prints_matches_and_says_so_by_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sdn.csv").write_text(
        '36,"KOZHIN, Vladimir Igorevich","individual","UKRAINE-EO13661"'
        + ",-0- " * 7
        + ',"DOB 28 Feb 1959; nationality Russia."\r\n'
    )
    (tmp_path / "alt.csv").write_text('36,12,"aka","KOZHYN, Volodymyr",-0- \r\n')
    (tmp_path / "add.csv").write_text("36,25,-0- ,-0- ,-0- ,-0- \r\n")

    def run(*argv: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["screen", *argv, "--list", str(tmp_path / "sdn.csv")])
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    status, out, _ = run("Wladimir Kozhin", "--birth", "1959-02-28", "--country", "ru", "--json")
    told = json.loads(out)
    assert status == 1
    assert told["lists"][0]["entries"] == 1 and len(told["lists"][0]["digest"]) == 64
    assert told["matches"][0]["entry"] == "OFAC-36"
    assert told["matches"][0]["evidence"] == ["birth-same-day", "country-shared"]
    assert {"asked": "wladimir", "listed": "vladimir", "similarity": 0.97} in told["matches"][0]["pairs"]
    status, out, _ = run("Wladimir Kozhin")
    assert status == 1 and "OFAC-36" in out and "主名称" in out and "its main name" in out
    status, out, _ = run("John Smith")
    assert status == 0 and out.startswith("0 条匹配")
    status, _, err = run("John Smith", "--birth", "yesterday")
    assert status == 2 and "yesterday" not in err
