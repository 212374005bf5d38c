"""Settings of the console: from the environment and options; every fault says what to do; the page is true."""

from pathlib import Path

import pytest

from tarim.base.errors import DefinitionError
from tarim.console.settings import ConsoleSettings, console_settings, reference_page

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "console-settings.md"


def test_options_are_stronger_than_the_environment() -> None:
    found = console_settings(
        {"TARIM_CONSOLE_PORT": "9000", "TARIM_CONSOLE_HOST": "::1", "HOME": "/"}, {"port": 9001, "host": None}
    )
    assert (found.port, found.host) == (9001, "::1")
    assert console_settings({}, {}) == ConsoleSettings()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TARIM_CONSOLE_PROT": "1"}, "TARIM_CONSOLE_PORT"),
        ({"TARIM_CONSOLE_PORT": "many"}, "port"),
        ({"TARIM_CONSOLE_PORT": "70000"}, "65535"),
        ({"TARIM_CONSOLE_DESK_URL": "ftp://desk"}, "desk_url"),
        ({"TARIM_CONSOLE_ENVIRONMENT": "staging"}, "production"),
        ({"TARIM_CONSOLE_ROOT_PATH": "tarim/"}, "root_path"),
    ],
)
def test_a_fault_says_what_is_wrong(variables: dict[str, str], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        console_settings(variables, {})


def test_the_page_of_settings_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page(), "run make docs"
