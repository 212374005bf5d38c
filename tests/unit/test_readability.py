"""The code says what it is: counted, not believed (ML-15)."""

from __future__ import annotations

from pathlib import Path

from bench.readability import coverage

SAMPLE = '''"""A module."""
# why it is so
class Told:
    """A class."""

    def method(self):
        return 1

    def _own(self): ...

def function():
    """Said."""

class Port:
    """What is needed from outside."""

    def ask(self) -> int: ...
'''


def test_what_is_silent_is_named_and_what_needs_no_words_is_not(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "__init__.py").write_text("")
    (tmp_path / "part" / "code.py").write_text(SAMPLE)
    (found,) = coverage(tmp_path)
    assert found.silent == ["part/__init__.py", "part/code.py:6 Told.method"]
    assert (found.modules, found.wanted, found.told) == (2, 6, 4)
    assert (found.words_lines, found.code_lines) == (5, 7)


def test_every_public_word_of_the_models_says_what_it_is() -> None:
    (found,) = coverage(packages=["models"])
    assert found.silent == [] and found.wanted > 500
