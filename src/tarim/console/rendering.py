"""Templates, and how values are written: money in yuan, instants in the viewer's zone, counts with separators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tarim.console.refusals import said
from tarim.console.words import _, either, spoken

TEMPLATES: Final = Path(__file__).parent / "templates"
ZONE_DEFAULT: Final = "Asia/Shanghai"
NOTHING: Final = "–"
_CHINA: Final = ZoneInfo(ZONE_DEFAULT)
_zone: ContextVar[ZoneInfo] = ContextVar("zone")


def stand_in(name: str) -> None:
    """Write the instants of this request in that zone; an unknown one counts as China's."""
    try:
        _zone.set(ZoneInfo(name))
    except (ValueError, OSError, KeyError):
        _zone.set(_CHINA)


def zone() -> ZoneInfo:
    """The zone of the request under way."""
    return _zone.get(_CHINA)


def money(amount_fen: int | None, *, sign: bool = False) -> str:
    """123456 -> `1,234.56`; None -> a dash."""
    if amount_fen is None:
        return NOTHING
    whole, fen = divmod(abs(int(amount_fen)), 100)
    mark = "-" if amount_fen < 0 else "+" if sign and amount_fen > 0 else ""
    return f"{mark}{whole:,}.{fen:02d}"


def _moment(value: str | int | float | None) -> datetime | None:
    if value in (None, "", 0):
        return None
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value / 1_000, UTC).astimezone(zone())
    found = datetime.fromisoformat(str(value))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(zone())


def instant(value: str | int | None, form: str = "seconds") -> str:
    """ISO text or milliseconds -> `2026-11-22 19:38:02`.  form: `seconds`, `minutes`, `clock` (time only), `day`, `millis`."""
    moment = _moment(value)
    if moment is None:
        return NOTHING
    if form == "millis":
        return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
    forms = {"seconds": "%Y-%m-%d %H:%M:%S", "minutes": "%Y-%m-%d %H:%M", "clock": "%H:%M:%S", "day": "%Y-%m-%d"}
    return moment.strftime(forms[form])


def typed(value: str) -> str:
    """What a field for date and time holds, `2026-11-22T19:38`, as ISO text with the viewer's zone; a day, "" stay as they are.

    Raises ValueError for anything else.
    """
    if not value or len(value) == 10:
        return value
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone())).isoformat()


def count(value: float | None, digits: int = 0) -> str:
    """1234567 -> `1,234,567`; None -> a dash."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """0.0231 -> `2.3%`; None -> a dash."""
    return NOTHING if value is None else f"{value * 100:.{digits}f}%"


def lasting(milliseconds: float | None) -> str:
    """A span as people say it: `3 天 4 小时`, `12 min`."""
    if milliseconds is None:
        return NOTHING
    seconds = abs(milliseconds) / 1_000
    for size, chinese, foreign, small_size, small_chinese, small_foreign in (
        (86_400, "天", "d", 3_600, "小时", "h"),
        (3_600, "小时", "h", 60, "分钟", "min"),
    ):
        if seconds >= size:
            large, rest = divmod(seconds, size)
            small = int(rest // small_size)
            head = f"{int(large)} {either(chinese, foreign)}"
            return f"{head} {small} {either(small_chinese, small_foreign)}" if small else head
    if seconds >= 60:
        return f"{int(seconds // 60)} {either('分钟', 'min')}"
    return f"{seconds:.0f} {either('秒', 's')}" if seconds >= 1 or not seconds else f"{milliseconds:.0f} ms"


class Renderer:
    """Makes HTML of templates.  url, static: addresses of pages and files."""

    def __init__(self, url: Callable[..., str], static: Callable[[str], str]) -> None:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.globals.update(
            _=_, either=either, spoken=spoken, url=url, static=static, NOTHING=NOTHING, zone=zone
        )
        environment.filters.update(
            money=money, instant=instant, count=count, percent=percent, lasting=lasting, said=said
        )
        environment.globals["ui"] = environment.get_template("ui.html").module
        self.environment = environment

    def page(self, template: str, values: Mapping[str, Any]) -> str:
        """The template with its values.  Raises jinja2's errors: a fault of ours."""
        return self.environment.get_template(template).render(values)
