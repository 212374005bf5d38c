"""`tarim graph` on a replayed data folder: a gang in a file of events is found, and is a list's file (RM-12, RM-15)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tarim.base.errors import InputError, NotFound
from tarim.bootstrap.graphing import Asked, read_relations
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.cli import build_app
from tarim.graph import Element
from tarim.screening import read_entries

START = datetime(2026, 3, 1, tzinfo=UTC)


def tarim(*arguments: object, status: int = 0) -> str:
    """Run a command; what it printed."""
    result = CliRunner().invoke(build_app([str(arguments[0])]), [str(each) for each in arguments])
    assert result.exit_code == status, result.output + repr(result.exception)
    return result.output


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty people who pay their neighbour; five accounts of a gang on one device; one of its takings is reported."""
    folder = tmp_path_factory.mktemp("graph")
    lines = ["event_id,source,kind,occurred_at,customer,account,payee_account,device_id,amount_fen,refers_to,label"]

    def event(n: int, kind: str, payer: str, payee: str, device: str, minutes: int, about: str = "") -> None:
        at = (START + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
        fen = "" if kind == "label" else "50000"
        said = "fraud" if kind == "label" else ""
        lines.append(f"E{n},core,{kind},{at},C-{payer},{payer},{payee},{device},{fen},{about},{said}")

    for n in range(180):
        circle = n % 60 // 6 * 6
        event(
            n,
            "transfer",
            f"A{n % 60}",
            f"A{circle + (n * 7 + 1 + n // 60) % 6}" if n % 6 != 5 else "SHOP",
            f"D{n % 60}",
            n,
        )
    for n in range(5):
        event(200 + n, "transfer", f"G{n}", f"G{(n + 1) % 5}", "DG", 200 + n)
    event(300, "transfer", "A3", "G2", "D3", 300)
    event(301, "label", "A3", "", "", 301, about="E300")
    (folder / "events.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tarim("replay", folder / "events.csv", "--data", folder / "data", "--out", folder / "out.parquet")
    return folder / "data"


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_gang_is_a_community_and_its_accounts_a_list_file(data: Path, tmp_path: Path):
    out, entries = tmp_path / "communities.csv", tmp_path / "entries.csv"
    said = tarim("graph", "communities", "--data", data, "--out", out, "--list", entries)
    assert "modularity" in said
    rows = rows_of(out)
    gangs = {row["group"] for row in rows if row["convicted"] == "1"}
    assert len(gangs) == 1
    gang = [row for row in rows if row["group"] in gangs]
    assert sorted(row["field"] for row in gang) == ["account"] * 5 + ["device_id"]
    assert {row["known_from"] for row in rows} == {(START + timedelta(minutes=300)).isoformat(timespec="milliseconds")}
    body = entries.read_bytes()
    cells = [raw.cells for raw in read_entries(io.BytesIO(body), len(body), "csv")]
    assert {row["token"] for row in gang if row["field"] == "account"} <= {each["token"] for each in cells}


def test_rings_and_risk_start_from_the_convicted_account(data: Path, tmp_path: Path):
    rings, risk = tmp_path / "rings.csv", tmp_path / "risk.csv"
    tarim("graph", "rings", "--data", data, "--out", rings, "--relation", "device", "--hops", "2", status=0)
    listed = [row for row in rows_of(rings) if row["field"] == "account"]
    assert len(listed) == 5 and sorted(row["hops"] for row in listed) == ["0", "2", "2", "2", "2"]
    tarim("graph", "propagate", "--data", data, "--out", risk)
    first = rows_of(risk)[:6]
    assert float(first[0]["risk"]) == 1.0
    assert {row["token"] for row in listed} <= {row["token"] for row in first} | {
        row["token"] for row in rows_of(risk)[:8]
    }


def test_what_was_known_before_the_label_convicts_nobody(data: Path, tmp_path: Path):
    settings, places = settings_of(data, {}), Places(data)
    before = int((START + timedelta(minutes=300)).timestamp() * 1000)
    relations = read_relations(settings, places, Asked(as_at_ms=before), lambda done, of: None)
    assert not relations.convicted.any() and relations.known_from_ms < before
    assert (relations.kinds == Element.ACCOUNT).sum() == 66
    with pytest.raises(NotFound):
        read_relations(settings, Places(tmp_path), Asked(), lambda done, of: None)
    with pytest.raises(InputError, match="no account is convicted"):
        tarim_raises("graph", "rings", "--data", data, "--out", tmp_path / "x.csv", "--as-at", "2026-03-01T10:00:00")
    with pytest.raises(InputError, match="no relation 'phone'"):
        tarim_raises("graph", "rings", "--data", data, "--out", tmp_path / "x.csv", "--relation", "phone")


def tarim_raises(*arguments: object) -> None:
    result = CliRunner().invoke(build_app(["graph"]), [str(each) for each in arguments])
    assert result.exception is not None
    raise result.exception
