"""`docs/reference/permissions.md`: the matrix of roles and scopes, made from the table that the code goes by.

python -m tarim.bootstrap.permissions docs/reference
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Final

from tarim.identity import CONFLICTS, MACHINE, ROLES, SERVICES, Role, Scope

PAGE: Final = "permissions.md"
_HEAD: Final = """<!-- Written by `python -m tarim.bootstrap.permissions docs/reference`; do not edit. -->

# Permissions

Nobody may do what is not written here. A person has scopes by roles that two administrators granted and that have not ended; an
API key has the scopes it was made with, and for an act of a person no more than that person
([why](../decisions/0020-keys-stand-for-persons.md)). Which route needs which scope is in each process's `/openapi.json` and in
[HTTP API](http-api.md). [How to sign in and grant rights](../how-to/users.md).
"""


def page() -> str:
    """The page."""
    meanings = _meanings()
    lines = [_HEAD, "## Scopes", "", "| scope | what for | whose |", "| --- | --- | --- |"]
    for scope in Scope:
        whose = "services only" if scope in SERVICES else "services and persons" if scope in MACHINE else "persons"
        lines.append(f"| `{scope.value}` | {meanings[scope.name]} | {whose} |")
    lines += ["", "## Roles", "", "| role | 角色 | scopes | second factor |", "| --- | --- | --- | --- |"]
    for role, post in ROLES.items():
        scopes = " ".join(f"`{scope.value}`" for scope in Scope if scope in post.scopes)
        factor = "always" if post.sensitive else "may be waived at a usual place"
        lines.append(f"| `{role.value}`: {post.title.partition(': ')[2]} | {post.title_zh} | {scopes} | {factor} |")
    lines += ["", "Every session of a person has `self` besides.", "", "## Conflicts of duty", ""]
    lines += ["One person never holds both roles of a cross.", ""]
    lines += [f"| | {' | '.join(role.value.replace('_', ' ') for role in Role)} |", f"| --- |{' --- |' * len(Role)}"]
    for role in Role:
        marks = ("×" if frozenset((role, other)) in CONFLICTS else "" for other in Role)
        lines.append(f"| {role.value.replace('_', ' ')} | {' | '.join(marks)} |")
    return "\n".join(lines) + "\n"


def _meanings() -> dict[str, str]:
    """The sentence below each scope in its own source."""
    found = re.findall(r'^    ([A-Z_]+) = "[^"]+"\n    """(.+?)"""', inspect.getsource(Scope), re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}


if __name__ == "__main__":
    (Path(sys.argv[1]) / PAGE).write_text(page(), encoding="utf-8")
