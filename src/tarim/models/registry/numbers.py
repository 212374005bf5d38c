"""Service numbers: every model that asks for publication gets one, and no other model ever has it (ML-21).

    TM000042-69      `TM`, the model's turn in this house's journal (six digits or more), and two check digits

The check digits are ISO/IEC 7064 MOD 97-10 over the turn, so a number that was typed wrongly is noticed.  The number stands in
the signed package, beside the model's digest: a model that claims another's number has no signature for it.
"""

from __future__ import annotations

import re
from typing import Final

from tarim.base.errors import DefinitionError

_FORM: Final = re.compile(r"TM(\d{6,12})-(\d{2})")


def service_number(turn: int) -> str:
    """The number of the `turn`-th model of a house, turn >= 1."""
    assert turn >= 1
    return f"TM{turn:06d}-{98 - turn * 100 % 97:02d}"


def check_service_number(text: str) -> int:
    """The turn that a number stands for.  Raises DefinitionError when it is not a number or a digit is wrong."""
    found = _FORM.fullmatch(text)
    if found is None or int(found[1]) < 1 or service_number(int(found[1])) != text:
        raise DefinitionError(f"{text[:24]!r} is not a service number, such as {service_number(42)}")
    return int(found[1])
