"""The registry's words: where a model stands, which number it has, what its signed package and its card say.

Values only.  What happened to which model lies in the journal (`tarim.decisions`), files lie where `tarim.bootstrap` puts
them.  Requirements: ML-07, ML-20, ML-21, ML-28, ML-29.
"""

from tarim.models.registry.card import CARD_BYTES_MAX, CardFacts, card_template, check_card
from tarim.models.registry.entries import ModelEntry
from tarim.models.registry.figures import (
    CURVES,
    CURVES_BYTES_MAX,
    CURVES_FORMAT,
    CURVES_SIGNATURE,
    CalibrationPoints,
    Curves,
    RankingPoints,
    RunFigures,
    read_curves,
    read_figures,
)
from tarim.models.registry.numbers import check_service_number, service_number
from tarim.models.registry.package import PACKAGE_FORMAT, PackageManifest, read_package
from tarim.models.registry.states import (
    ACTS_ALONE,
    TRANSITIONS,
    ModelAct,
    ModelState,
    Role,
    act_on,
    state_diagram,
)

__all__ = [
    "ACTS_ALONE",
    "CARD_BYTES_MAX",
    "CURVES",
    "CURVES_BYTES_MAX",
    "CURVES_FORMAT",
    "CURVES_SIGNATURE",
    "CalibrationPoints",
    "CardFacts",
    "Curves",
    "ModelAct",
    "ModelEntry",
    "ModelState",
    "PACKAGE_FORMAT",
    "PackageManifest",
    "RankingPoints",
    "Role",
    "RunFigures",
    "TRANSITIONS",
    "act_on",
    "card_template",
    "check_card",
    "check_service_number",
    "read_curves",
    "read_figures",
    "read_package",
    "service_number",
    "state_diagram",
]
