"""API keys: shown once, stored as digests, refused when unknown, revoked, expired or without the scope."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tarim.base.errors import Damaged, DefinitionError, NotAllowed, NotFound
from tarim.bootstrap.places import make_data_folder
from tarim.cli import build_app
from tarim.identity import KeyRing, Scope, create_key, read_keys, revoke_key
from tests.fakes.clock import FakeClock


def test_a_key_opens_its_scopes_and_no_other(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys.json", FakeClock()
    made, secret = create_key(path, "mobile bank", ["decide", "read"], clock.at_ms)
    ring = KeyRing.load(path, clock)
    assert ring.check(secret, Scope.DECIDE).id == made.id
    assert ring.check(secret, Scope.READ).name == "mobile bank"
    with pytest.raises(NotAllowed) as caught:
        ring.check(secret, Scope.OPERATE)
    assert caught.value.http_status == 403


@pytest.mark.parametrize("presented", ["", "wrong", "x" * 10_000, "\ud800", "密钥"])
def test_what_is_no_key_is_refused_with_401(tmp_path: Path, presented: str) -> None:
    create_key(tmp_path / "keys.json", "a", ["read"], 1)
    with pytest.raises(NotAllowed) as caught:
        KeyRing.load(tmp_path / "keys.json", FakeClock()).check(presented, Scope.READ)
    assert caught.value.http_status == 401
    assert not presented or presented not in str(caught.value)


def test_nobody_passes_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(NotAllowed):
        KeyRing.load(tmp_path / "none.json", FakeClock()).check("x", Scope.READ)


def test_the_secret_is_stored_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    made, secret = create_key(path, "a", ["read"], 1)
    assert path.stat().st_mode & 0o777 == 0o600
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes()
    assert secret not in repr(made) + repr(read_keys(path)) + repr(KeyRing.load(path, FakeClock()))
    assert len(secret) == 43 and create_key(path, "b", ["read"], 1)[1] != secret


def test_a_revoked_key_is_refused_within_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys.json", FakeClock(1_000_000)
    made, secret = create_key(path, "a", ["read"], clock.at_ms)
    ring = KeyRing.load(path, clock)
    ring.check(secret, Scope.READ)
    revoke_key(path, made.id, clock.at_ms)
    clock.at_ms += 1000
    with pytest.raises(NotAllowed, match="revoked") as caught:
        ring.check(secret, Scope.READ)
    assert caught.value.http_status == 401
    assert revoke_key(path, made.id, 77).revoked_ms == 1_000_000, "the first revocation stands"
    with pytest.raises(NotFound):
        revoke_key(path, "nobody", 1)


def test_the_file_is_looked_at_once_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clock = tmp_path / "keys.json", FakeClock()
    _, secret = create_key(path, "a", ["read"], clock.at_ms)
    ring = KeyRing.load(path, clock)
    ring.check(secret, Scope.READ)
    looks: list[object] = []
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda *given, **more: (looks.append(given), real(*given, **more))[1])
    for _ in range(100):
        ring.check(secret, Scope.READ)
    assert looks == []
    clock.at_ms += 1000
    ring.check(secret, Scope.READ)
    assert len(looks) == 1


def test_a_key_expires_at_its_moment(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys.json", FakeClock()
    _, secret = create_key(path, "a", ["read"], clock.at_ms, expires_ms=clock.at_ms + 10)
    ring = KeyRing.load(path, clock)
    clock.at_ms += 9
    ring.check(secret, Scope.READ)
    clock.at_ms += 1
    with pytest.raises(NotAllowed, match="expired"):
        ring.check(secret, Scope.READ)


def test_bad_names_scopes_and_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    for name, scopes, expires in (
        ("", ["read"], 0),
        ("a\n", ["read"], 0),
        ("a", [], 0),
        ("a", ["root"], 0),
        ("a", ["read"], 5),
    ):
        with pytest.raises(DefinitionError):
            create_key(path, name, scopes, 10, expires)
    create_key(path, "a", ["read"], 1)
    path.chmod(0o644)
    with pytest.raises(DefinitionError, match="0644"):
        KeyRing.load(path, FakeClock())
    path.chmod(0o600)
    for content in (b"", b"{}", b'{"format":2,"keys":[]}', b'{"format":1,"keys":[{"id":"x"}]}'):
        path.write_bytes(content)
        with pytest.raises(Damaged):
            read_keys(path)


def test_the_command_line_makes_lists_and_revokes(tmp_path: Path) -> None:
    app, run = build_app(["keys"]), CliRunner().invoke
    make_data_folder(tmp_path)
    made = run(
        app, ["keys", "create", "--name", "pos", "--scope", "decide", "--scope", "read", "--data", str(tmp_path)]
    )
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip().splitlines()[-1]
    key = KeyRing.load(tmp_path / "keys.json", FakeClock()).check(secret, Scope.DECIDE)
    listed = run(app, ["keys", "list", "--data", str(tmp_path)]).output
    assert key.id in listed and "active" in listed and "decide,read" in listed and secret not in listed
    assert run(app, ["keys", "revoke", key.id, "--data", str(tmp_path)]).exit_code == 0
    assert "revoked" in run(app, ["keys", "list", "--data", str(tmp_path)]).output


def test_a_key_has_the_fields_of_its_contract_and_may_do_nothing_else(tmp_path: Path) -> None:
    """Whoever may read decisions sees them whole, so such a key only decides (ML-23)."""
    path, clock = tmp_path / "keys.json", FakeClock()
    _, secret = create_key(path, "wallet partner", ["decide"], 1, answer_fields=["outcome", "hold", "hold"])
    assert KeyRing.load(path, clock).check(secret, Scope.DECIDE).answer_fields == {"outcome", "hold"}
    assert read_keys(path)[0].answer_fields == ("hold", "outcome")
    _, plain = create_key(path, "channel", ["decide"], 1)
    assert KeyRing.load(path, clock).check(plain, Scope.DECIDE).answer_fields == frozenset()
    for scopes, fields, told in (
        (["decide", "read"], ["outcome"], "score at most"),
        (["metrics"], ["outcome"], "score at most"),
        (["decide"], ["out come"], "lower-case"),
        (["decide"], ["a" * n for n in range(1, 22)], "up to 20"),
    ):
        with pytest.raises(DefinitionError, match=told):
            create_key(path, "x", scopes, 1, answer_fields=fields)


def test_the_command_knows_the_fields_of_an_answer(tmp_path: Path) -> None:
    make_data_folder(tmp_path / "data")
    asked = ["keys", "create", "--data", str(tmp_path / "data"), "--name", "p", "--scope", "decide", "--answer"]
    refused = CliRunner().invoke(build_app(["keys"]), [*asked, "colour"])
    assert "no field 'colour'" in str(refused.exception) and "score_reasons" in str(refused.exception)
    assert CliRunner().invoke(build_app(["keys"]), [*asked, "outcome"]).exit_code == 0
    listed = CliRunner().invoke(build_app(["keys"]), ["keys", "list", "--data", str(tmp_path / "data")])
    assert "tells outcome" in listed.output
