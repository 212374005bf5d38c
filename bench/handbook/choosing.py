"""Parameters of the model that were tried, each as a change to those chosen; VALIDATION says on which weeks."""

from __future__ import annotations

from typing import Any, Final

CANDIDATES: Final[dict[str, tuple[dict[str, Any], int]]] = {
    "as chosen": ({}, 0),
    "lambda 0.1": ({"lambda_l2": 0.1}, 0),
    "lambda 5": ({"lambda_l2": 5.0}, 0),
    "lambda 20": ({"lambda_l2": 20.0}, 0),
    "50 payments a leaf": ({"min_data_in_leaf": 50}, 0),
    "8 payments a leaf": ({"min_data_in_leaf": 8}, 0),
    "31 leaves, depth 7": ({"num_leaves": 31, "max_depth": 7}, 0),
    "8 leaves, depth 3": ({"num_leaves": 8, "max_depth": 3}, 0),
    "two fifths of the features": ({"feature_fraction": 0.4}, 0),
    "nine tenths of the features": ({"feature_fraction": 0.9}, 0),
    "120 trees": ({}, 120),
    "400 trees": ({}, 400),
    "half the rate, 400 trees": ({"learning_rate": 0.015}, 400),
    "path smoothing 10": ({"path_smooth": 10.0}, 0),
}
"""Label to (changed parameters, trees; 0 = as many as chosen)."""
