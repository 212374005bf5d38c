"""Sign-on against a real OpenID provider, npm's `oidc-provider`, in a process of its own."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest

from tarim.base.errors import NotAllowed, Unavailable
from tarim.identity import OpenId, OpenIdProvider, Pending, Role, Scope
from tests.fakes.identity import OFFICE, House

SCRIPT = Path(__file__).parent.parent / "fakes" / "openid_provider.mjs"
RETURN_URL = "http://127.0.0.1:9/v1/sign-in/openid:return"
SECRET = "a-secret-of-tests-only"
INSTALL_S_MAX = 120

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running provider; skips where node or npm is not there or the package cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("openid")
    installed = subprocess.run(
        [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "oidc-provider@9"],
        capture_output=True, timeout=INSTALL_S_MAX, check=False,
    )  # fmt: skip
    if installed.returncode:
        pytest.skip("npm cannot install oidc-provider here")
    shutil.copy(SCRIPT, folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [node, SCRIPT.name, str(port), RETURN_URL],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ready"):
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House.at(tmp_path)
    yield made
    made.close()


def openid(house: House, issuer: str, secret: str = SECRET) -> OpenId:
    return OpenId(house.office, OpenIdProvider(issuer, "tarim", secret, RETURN_URL), house.door)


def sign_on(url: str, login: str) -> dict[str, str]:
    """What a person does in a browser: the login form, the consent form; what comes back to us."""
    with httpx.Client(timeout=10, trust_env=False) as browser:
        answer = browser.get(url)
        for _ in range(12):
            if answer.is_redirect:
                place = urljoin(str(answer.url), answer.headers["location"])
                if place.startswith(RETURN_URL):
                    return dict(parse_qsl(urlsplit(place).query))
                answer = browser.get(place)
                continue
            form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert form is not None, answer.text[:500]
            prompt = "login" if 'name="login"' in answer.text else "consent"
            body = {"prompt": prompt} | ({"login": login, "password": "x"} if prompt == "login" else {})
            answer = browser.post(urljoin(str(answer.url), form[1]), data=body)
    raise AssertionError("the provider did not send the browser back")


def test_a_person_signs_on_and_still_gives_our_code(house: House, issuer: str) -> None:
    person = house.person(house.administrators(), "carl", Role.ANALYST)
    door = openid(house, issuer)
    url, browser = door.begin()
    assert "code_challenge_method=S256" in url and "nonce=" in url and "state=" in url
    back = sign_on(url, "carl")
    signed = door.finish(back["state"], back["code"], browser, OFFICE)
    assert signed.user.login == "carl" and signed.session.pending == (Pending.CODE,)
    caller = house.directory.caller_of_session(signed.token, OFFICE)
    assert caller.scopes == {Scope.SELF}
    house.account.give_code(caller, house.code(person))
    assert Scope.AUTHOR in house.directory.caller_of_session(signed.token, OFFICE).scopes


def test_what_was_not_begun_here_by_this_browser_just_now_is_refused(house: House, issuer: str) -> None:
    house.person(house.administrators(), "carl", Role.ANALYST)
    door = openid(house, issuer)
    url, browser = door.begin()
    back = sign_on(url, "carl")
    _, another = door.begin()
    with pytest.raises(NotAllowed):
        door.finish(back["state"], back["code"], another, OFFICE)
    with pytest.raises(NotAllowed):  # and it is used up by that
        door.finish(back["state"], back["code"], browser, OFFICE)
    url, browser = door.begin()
    back = sign_on(url, "carl")
    house.clock.move(minutes=11)
    with pytest.raises(NotAllowed):
        door.finish(back["state"], back["code"], browser, OFFICE)
    for state, code in (("", ""), ("x" * 43, "y"), ("x" * 5_000, "y")):
        with pytest.raises(NotAllowed):
            door.finish(state, code, browser, OFFICE)


def test_a_code_of_another_sign_on_is_refused(house: House, issuer: str) -> None:
    """Injected: the victim's browser is made to finish with the attacker's code; verifier and nonce do not fit."""
    house.person(house.administrators(), "carl", Role.ANALYST)
    door = openid(house, issuer)
    theirs, _ = door.begin()
    injected = sign_on(theirs, "carl")
    mine, browser = door.begin()
    back = sign_on(mine, "carl")
    with pytest.raises(NotAllowed):
        door.finish(back["state"], injected["code"], browser, OFFICE)


def test_accounts_are_never_made_and_stay_with_their_person(house: House, issuer: str) -> None:
    admins = house.administrators()
    house.person(admins, "carl", Role.ANALYST)
    door = openid(house, issuer)

    def signed(login: str) -> str:
        url, browser = door.begin()
        back = sign_on(url, login)
        return door.finish(back["state"], back["code"], browser, OFFICE).user.login

    with pytest.raises(NotAllowed):
        signed("nobody")
    assert signed("carl") == signed("carl") == "carl"
    house.administration.disable(house.caller(admins[0]), "carl", "left")
    with pytest.raises(NotAllowed):
        signed("carl")


def test_a_provider_that_is_not_the_one_is_refused(house: House, issuer: str) -> None:
    house.person(house.administrators(), "carl", Role.ANALYST)
    door = openid(house, issuer, secret="another-secret")
    url, browser = door.begin()
    back = sign_on(url, "carl")
    with pytest.raises(NotAllowed):
        door.finish(back["state"], back["code"], browser, OFFICE)
    with pytest.raises(Unavailable):
        openid(house, issuer.replace("127.0.0.1", "localhost")).begin()  # describes itself as another issuer
    with pytest.raises(Unavailable):
        openid(house, "http://127.0.0.1:9").begin()
