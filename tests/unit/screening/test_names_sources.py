"""Sanctions lists as published: what is read, what is refused, and how much is found in the real ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tarim.base.errors import InputError, NotFound, TooLarge
from tarim.screening import BirthSpan, Kind, NameList, Quality, Screener, Subject, load_list
from tarim.screening.names import sources
from tarim.screening.names.matching import match_entry
from tarim.screening.names.normal import prepare_name

DATA = Path(os.environ.get("TARIM_SHARED", "../shared")) / "data"
needs_data = pytest.mark.skipif(
    not (DATA / "ofac_sdn.parquet").is_file(),
    reason=f"needs {DATA}; set TARIM_SHARED to the folder with the public data",
)

SDN = (
    '36,"AEROCARIBBEAN AIRLINES",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n'
    '2674,"ABBAS, Abu","individual","SDGT] [NPWMD","Director",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,'
    "\"DOB 10 Dec 1948; alt. DOB circa 1950; POB Safad; nationality Iran; citizen Iraq; a.k.a. 'ZAYDAN'.\"\r\n"
    '900,"BRAVO STAR","vessel","DPRK",-0- ,"V2AB",-0- ,-0- ,-0- ,"Panama",-0- ,"DOB 1968 to 1969; DOB unknown"\r\n'
    '901,"EP-MOR","aircraft","IFSR",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n'
    "\x1a"
)
ALT = '36,12,"aka","AERO-CARIBBEAN",-0- \r\n2674,45,"fka","ZAYDAN, Muhammad ""Abu""",-0- \r\n'
ADD = '36,25,-0- ,"Havana","Cuba",-0- \r\n2674,26,-0- ,-0- ,"undetermined",-0- \r\n'

UN = """<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="2026-02-27T00:00:09.554Z"><INDIVIDUALS><INDIVIDUAL>
<DATAID>7</DATAID><FIRST_NAME>FRANK KAKOLELE</FIRST_NAME><SECOND_NAME>BWAMBALE</SECOND_NAME>
<UN_LIST_TYPE>DRC</UN_LIST_TYPE><NAME_ORIGINAL_SCRIPT>فرانك</NAME_ORIGINAL_SCRIPT>
<NATIONALITY><VALUE>Democratic Republic of the Congo</VALUE></NATIONALITY>
<INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>FRANK KAKORERE; F. KAKORERE</ALIAS_NAME></INDIVIDUAL_ALIAS>
<INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>AIGLE BLANC</ALIAS_NAME></INDIVIDUAL_ALIAS>
<INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
<INDIVIDUAL_DATE_OF_BIRTH><DATE>1967-06-01</DATE></INDIVIDUAL_DATE_OF_BIRTH>
<INDIVIDUAL_DATE_OF_BIRTH><FROM_YEAR>1960</FROM_YEAR><TO_YEAR>1962</TO_YEAR></INDIVIDUAL_DATE_OF_BIRTH>
<INDIVIDUAL_DATE_OF_BIRTH><YEAR>1971</YEAR></INDIVIDUAL_DATE_OF_BIRTH>
</INDIVIDUAL></INDIVIDUALS><ENTITIES><ENTITY><DATAID>8</DATAID><FIRST_NAME>ADF</FIRST_NAME>
<UN_LIST_TYPE>DRC</UN_LIST_TYPE><ENTITY_ALIAS><QUALITY>a.k.a.</QUALITY><ALIAS_NAME>Allied Forces</ALIAS_NAME></ENTITY_ALIAS>
<ENTITY_ADDRESS><COUNTRY>Uganda</COUNTRY></ENTITY_ADDRESS></ENTITY></ENTITIES></CONSOLIDATED_LIST>
"""


def write_ofac(folder: Path, sdn: str = SDN, alt: str = ALT, add: str = ADD) -> Path:
    for name, text in (("sdn.csv", sdn), ("alt.csv", alt), ("add.csv", add)):
        (folder / name).write_bytes(text.encode())
    return folder / "sdn.csv"


def write_un(folder: Path, text: str = UN) -> Path:
    (folder / "consolidated.xml").write_text(text, encoding="utf-8")
    return folder / "consolidated.xml"


def test_the_three_files_of_ofac(tmp_path: Path) -> None:
    read = load_list(write_ofac(tmp_path))
    airline, person, vessel, aircraft = read.entries
    assert [e.kind for e in read.entries] == [Kind.ENTITY, Kind.PERSON, Kind.VESSEL, Kind.AIRCRAFT]
    assert [(name.text, name.quality) for name in person.names] == [
        ("ABBAS, Abu", Quality.PRIMARY),
        ('ZAYDAN, Muhammad "Abu"', Quality.STRONG),
        ("ZAYDAN", Quality.WEAK),
    ]
    assert person.births == (BirthSpan.parse("1948-12-10"), BirthSpan(*_years(1948, 1952)))
    assert person.countries == ("IQ", "IR")
    assert person.programme == "SDGT; NPWMD"
    assert airline.countries == ("CU",) and airline.names[1].text == "AERO-CARIBBEAN"
    assert vessel.countries == ("PA",) and vessel.births == (BirthSpan(*_years(1968, 1969)),)
    assert aircraft.id == "OFAC-901"
    assert read.digest != load_list(write_ofac(tmp_path, add="")).digest


def _years(first: int, last: int) -> tuple:
    return BirthSpan.parse(str(first)).first, BirthSpan.parse(str(last)).last


def test_the_consolidated_list_of_the_united_nations(tmp_path: Path) -> None:
    read = load_list(write_un(tmp_path))
    person, entity = read.entries
    assert read.dated == "2026-02-27"
    assert [(name.text, name.quality) for name in person.names] == [
        ("FRANK KAKOLELE BWAMBALE", Quality.PRIMARY),
        ("فرانك", Quality.PRIMARY),
        ("FRANK KAKORERE", Quality.STRONG),
        ("F. KAKORERE", Quality.STRONG),
        ("AIGLE BLANC", Quality.WEAK),
    ]
    spans = (BirthSpan.parse("1967-06-01"), BirthSpan(*_years(1960, 1962)), BirthSpan.parse("1971"))
    assert person.births == spans
    assert (person.countries, entity.countries) == (("CD",), ("UG",))
    assert entity.names[1].quality is Quality.STRONG


@pytest.mark.parametrize(
    ("sdn", "said"),
    [
        ('36,"A"\r\n', "sdn.csv, line 1: 2 columns, 12 expected"),
        ("ent_num" + ",x" * 11 + "\r\n", "line 1: the first column"),
        ('36,"A' + ",x" * 10, "sdn.csv, line 1"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, sdn: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_list(write_ofac(tmp_path, sdn))


@pytest.mark.parametrize(
    "text",
    [
        "<CONSOLIDATED_LIST>",
        "<OTHER/>",
        "<CONSOLIDATED_LIST/>",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><CONSOLIDATED_LIST>&b;</CONSOLIDATED_LIST>',
        UN.replace("FRANK KAKOLELE", "").replace("BWAMBALE", "").replace("فرانك", "").replace("ALIAS_NAME", "OTHER"),
    ],
)
def test_xml_that_is_no_list_or_a_bomb_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"consolidated\.xml"):
        load_list(write_un(tmp_path, text))


def test_unknown_missing_and_oversized_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ofac_sdn.parquet").write_bytes(b"PAR1")
    (tmp_path / "ofac_sdn_alt_names.parquet").write_bytes(b"PAR1")
    (tmp_path / "ofac_sdn_addresses.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not a Parquet table"):
        load_list(tmp_path / "ofac_sdn.parquet")
    for missing in ("list.docx", "sdn.csv"):
        with pytest.raises(NotFound, match=missing):
            load_list(tmp_path / missing)
    (tmp_path / "list.docx").write_bytes(b"PK")
    with pytest.raises(InputError, match="not a list this program knows"):
        load_list(tmp_path / "list.docx")
    (tmp_path / "own.csv").mkdir()
    with pytest.raises(InputError, match=r"own\.csv: it cannot be read: Is a directory"):
        load_list(tmp_path / "own.csv")
    monkeypatch.setattr(sources, "FILE_BYTES_MAX", 10)
    with pytest.raises(TooLarge):
        load_list(write_un(tmp_path))


@needs_data
def test_the_real_lists_and_what_is_found_in_them() -> None:
    """A few names a newspaper would print, one from each corner; bench/names.py measures thousands."""
    lists = [load_list(DATA / "ofac_sdn.parquet"), load_list(DATA / "un_consolidated_list.parquet")]
    assert [len(given.entries) for given in lists] == [8976, 1003]
    screener = Screener(lists)
    for asked, expected in {
        "Kim Jong-un": "KIM, Jong Un",
        "Nicolás Maduro": "MADURO MOROS, Nicolas",
        "Usama bin Ladin": "BIN LADIN, Usama",
        "Владимир Кожин": "KOZHIN, Vladimir",
    }.items():
        found = [name.text for match in screener.screen(Subject(asked)) for name in match.entry.names]
        assert any(text.startswith(expected.split(",")[0]) for text in found), asked
    for ordinary in ("Christian Wong", "Brian Johnson", "Maria Garcia", "欧阳晓东", "Susan Davis"):
        assert screener.screen(Subject(ordinary)) == (), ordinary


@needs_data
def test_cases_are_held_out_by_party() -> None:
    """No party of the development half is asked about in the held-out half, and negatives are as many as positives."""
    from bench.name_cases import list_cases

    development, held_out = list_cases(False, 60), list_cases(True, 60)
    first, second = ({case.party for case in half.cases if case.party >= 0} for half in (development, held_out))
    assert first and second and not first & second
    for half in (development, held_out):
        positives = sum(case.party >= 0 for case in half.cases)
        assert positives == len(half.cases) - positives
        assert {entry.id for entry in half.listed.entries} == {entry.id for entry in held_out.listed.entries}


@needs_data
def test_the_index_loses_nothing_that_comparing_every_name_finds() -> None:
    """A hundred questions against the parties they are about and 200 others, with the index and name by name."""
    from bench.name_cases import list_cases

    cases = list_cases(False, 120)
    asked = [case for case in cases.cases if case.party >= 0][::5]
    parties = {case.party for case in asked}
    about = [entry for entry in cases.listed.entries if cases.parties[entry.id] in parties]
    entries = tuple(about + [entry for entry in cases.listed.entries[:200] if entry not in about])
    screener = Screener([NameList("some", "", entries)])
    found = 0
    for case in asked:
        subject = Subject(case.name)
        every = (match_entry(subject, prepare_name(case.name), entry, entry.names) for entry in entries)
        expected = {match.entry.id for match in every if match and match.score >= screener.threshold}
        assert expected == {match.entry.id for match in screener.screen(subject)}, case.sort
        found += len(expected)
    assert found > 80
