"""`tarim demo`, as a newcomer runs it: the real command, on a small bank."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarim.bootstrap.demo_staff import STAFF
from tarim.cli.demo import language_of

HOME = Path(__file__).resolve().parents[2]
SMALL = [
    "--customers",
    "2000",
    "--events-per-day",
    "400",
    "--days",
    "12",
    "--crime-share",
    "0.09",
    "--start",
    "2026-03-02",
]


def tarim(*words: str, timeout_s: float = 300.0, language: str = "C.UTF-8") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LANG": language, "LC_ALL": language}
    command = [sys.executable, "-m", "tarim.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=environment, check=False)


def has_chinese(text: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", text) is not None


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "demo"
    yield folder
    tarim("demo", "--stop", "--data", str(folder))


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_TW", "LANG": "en_GB"}, "zh"),
    ],
)
def test_the_terminals_language_is_taken(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_refusals_are_one_line_and_touch_nothing(tmp_path: Path) -> None:
    """Too few days, another language, and a folder that holds somebody's work."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    for words, said in (
        (["--data", str(tmp_path / "d"), "--days", "3"], "at least 6 days"),
        (["--data", str(tmp_path / "d"), "--lang", "fr"], "zh or en"),
        (["--data", str(mine), *SMALL], "is not a demonstration"),
    ):
        done = tarim("demo", *words)
        assert done.returncode == 2, done
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]
    assert not (tmp_path / "d").exists()


def test_a_small_bank_without_a_service(data: Path) -> None:
    """The whole path, twice: figures add up, the second run replaces the first and says the same."""
    said = []
    for _ in range(2):
        done = tarim("demo", "--data", str(data), "--no-serve", *SMALL)
        assert done.returncode == 0, done.stderr
        said.append(json.loads((data / "demo.json").read_text()))
    first, second = said
    for figures in said:
        figures.pop("simulate_s")
        figures["learned"].pop("took_s")
        figures.pop("first_events_per_s")
        figures.pop("second_events_per_s")
    assert first == second
    assert first["seed"] == 42 and first["simulated"] is True
    assert "Simulated data (seed 42" in done.stdout
    assert 0.6 < first["learned"]["auc"] <= 1.0
    crimes = first["crimes"].values()
    by_crime = {name: sum(each["by_outcome"][name] for each in crimes) for name in first["criminal_events_by_outcome"]}
    assert by_crime == first["criminal_events_by_outcome"]
    assert all(each["stopped_fen"] <= each["moved_fen"] for each in crimes)
    assert sorted(path.name for path in data.parent.iterdir()) == [".demo.lock", "demo"], "nothing half is left"
    assert not list(data.glob("*.pid"))
    assert has_chinese(done.stdout), "reasons are shown in both languages"
    labels = [line for line in done.stdout.splitlines() if " / " not in line]
    assert not has_chinese("\n".join(labels)), "all else in one"


@pytest.mark.slow
def test_the_service_is_left_running_and_the_printed_lines_work(data: Path) -> None:
    """With its usual port taken: another is found; the curl line works as printed; --stop ends it."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8470))
            taken.listen()
        except OSError:
            pass  # taken by somebody else: as good
        done = tarim("demo", "--data", str(data), *SMALL, language="zh_CN.UTF-8")
    assert done.returncode == 0, done.stderr
    assert "模拟数据" in done.stdout
    post, get = (shlex.split(line) for line in done.stdout.splitlines() if line.startswith("curl "))
    url = post[2]
    assert ":8470/" not in url
    answers = [request(post), request(get)]
    assert answers[0] == answers[1], "the line sent again gets the first answer, and so does looking it up"
    assert answers[0]["source"] == "demo"
    assert answers[0]["versions"]["model"]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(urllib.request.Request(url, b"{}", {"Authorization": "Bearer no"}), timeout=10)

    console = re.search(r"(http://\S+)/tour", done.stdout)
    assert console is not None, "it ends on the console's address"
    with urllib.request.urlopen(f"{console[1]}/tour", timeout=30) as page:
        assert page.url.partition("?")[0].endswith("/sign-in"), "which is open, and asks who comes"
    codes = tarim("demo", "--codes", "--data", str(data)).stdout.splitlines()
    assert len(codes) == len(STAFF) and all(line.split()[0] in done.stdout for line in codes), (
        "a code for every account"
    )
    assert (data / "demo-codes.json").stat().st_mode & 0o077 == 0

    learnt = data / "models.log"
    deadline = time.monotonic() + 240
    while learnt.read_text("utf-8").count("is in force") < 2:
        assert time.monotonic() < deadline and "no model" not in learnt.read_text("utf-8"), learnt.read_text("utf-8")
        time.sleep(0.5)
    key = (data / "api-key.txt").read_text("ascii").strip()
    head = {"Authorization": f"Bearer {key}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url.partition('/v1')[0]}/v1/models", None, head)) as told:
        roles = {each["name"]: each["role"] for each in json.load(told)["models"]}
    assert sorted(roles.values()) == ["", "challenger", "champion"], "two models were learnt, approved and put in force"
    assert roles["model.txt"] == "", "in place of the first one"

    again = tarim("demo", "--data", str(data), "--lang", "en", *SMALL)
    assert again.returncode == 0, again.stderr
    assert "the demonstration's services are stopped" in again.stdout, "the second run ends what the first one left"
    stopped = tarim("demo", "--stop", "--data", str(data), "--lang", "en")
    assert "are stopped" in stopped.stdout
    assert "no service" in tarim("demo", "--stop", "--data", str(data), "--lang", "en").stdout
    with pytest.raises(OSError):
        request(next(shlex.split(line) for line in again.stdout.splitlines() if line.startswith("curl ")))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_call_in_the_readme_works_to_the_letter(name: str, tmp_path: Path) -> None:
    """After the demonstration in its usual folder; only the port may be another."""
    data = tmp_path / "var" / "demo"
    try:
        done = tarim("demo", "--data", str(data), "--lang", "en", *SMALL)
        assert done.returncode == 0, done.stderr
        found = re.search(r"running at http://127\.0\.0\.1:(\d+)", done.stdout)
        assert found is not None
        block = re.findall(r"^```sh\n(KEY=.*?)^```$", (HOME / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)
        assert len(block) == 1
        names, line, call = block[0].replace(":8470/", f":{found[1]}/").partition("curl ")
        script = f"{names}{line}{call}\necho\n{line}{call}"  # the second time within the same names
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
        )
        first, again = (json.loads(answer) for answer in done.stdout.splitlines())
        assert first == again
        assert (first["outcome"], first["late"]) == ("challenge", False)
    finally:
        tarim("demo", "--stop", "--data", str(data))


@pytest.mark.slow
def test_an_interrupt_leaves_the_former_demonstration_as_it_was(data: Path) -> None:
    """Ctrl-C while a second one is made."""
    assert tarim("demo", "--data", str(data), "--no-serve", *SMALL).returncode == 0
    before = (data / "demo.json").read_bytes()
    command = [sys.executable, "-m", "tarim.cli", "demo", "--data", str(data), "--no-serve", "--days", "30"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    new = data.with_name(".demo.new")
    deadline = time.monotonic() + 60
    while not (new / "bank").exists():
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 130
    assert not new.exists()
    assert (data / "demo.json").read_bytes() == before


def request(words: list[str]) -> dict[str, object]:
    """What curl would do with these words: -s URL -H ... -d ..."""
    assert words[:2] == ["curl", "-s"]
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    body = words[words.index("-d") + 1].encode() if "-d" in words else None
    with urllib.request.urlopen(urllib.request.Request(words[2], body, headers), timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
        return found
