"""The service over HTTP: parse, call one use case, render.

`build_site` makes everything a server needs: the decision routes by hand, the rest as an ASGI application.
"""

from tarim.api.answers import ANSWER_FIELDS, Answers, Explainer
from tarim.api.connection import Connection, HttpLimits, Site
from tarim.api.doors import Door, Keys
from tarim.api.figures import Figures
from tarim.api.openapi import describe
from tarim.api.site import build_site

__all__ = [
    "ANSWER_FIELDS",
    "Answers",
    "Connection",
    "Door",
    "Explainer",
    "Figures",
    "HttpLimits",
    "Keys",
    "Site",
    "build_site",
    "describe",
]
