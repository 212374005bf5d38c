"""Parameters of the model that were tried, each as a change to those chosen; see VALIDATION for the weeks."""

from __future__ import annotations

from typing import Any, Final

CANDIDATES: Final[dict[str, tuple[dict[str, Any], int]]] = {
    "as chosen": ({}, 0),
}
"""Label to (changed parameters, trees; 0 = as many as chosen)."""
