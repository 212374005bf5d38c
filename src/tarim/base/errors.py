"""The family of expected troubles, as a tree.

    TarimError                 anything this project raises on purpose
    ├── InputError             the sender's fault: a message, a file or an argument is wrong
    │   ├── FieldError         one field of one message breaks one rule
    │   ├── TooLarge           an input exceeds its stated limit
    │   └── DefinitionError    a feature, rule, ruleset, model or setting is wrong
    ├── Conflict               the same identity with other content
    ├── NotFound               nothing under that name
    ├── NotAllowed             no key, a revoked key, or a key without the scope
    │   ├── UnknownKey         a key that was never assigned
    │   └── ProofOutdated      a person who has to prove again who it is before this
    ├── TooOften               asked more often than is allowed, or in a way that feels the rules out
    ├── Unavailable            cannot be done now and nothing was changed: disk full, closed intake
    │   ├── Unrecorded         done, or begun, and only its outcome could not be written to the audit trail
    │   └── RecordedNotShown   done for good, and only the tables do not show it yet
    └── Damaged                stored bytes are not what was written

Each class says what HTTP should answer; the edge maps it in one place.  Messages name the field, the type of the
value and the rule; they never contain a personal value.
"""

from __future__ import annotations

import math


class TarimError(Exception):
    """Base of every error raised on purpose."""

    http_status = 500
    code = "internal"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InputError(TarimError):
    """The sender's message, file or argument is wrong."""

    http_status = 422
    code = "invalid-input"


class FieldError(InputError):
    """One field breaks one rule.  `field` is its name, `rule` the rule in words; the value is never kept."""

    code = "invalid-field"

    def __init__(self, field: str, rule: str, got: str = "") -> None:
        super().__init__(f"{field}: {rule}" + (f" (got {got})" if got else ""))
        self.field = field
        self.rule = rule
        self.got = got


class TooLarge(InputError):
    """An input exceeds its stated limit."""

    http_status = 413
    code = "too-large"


class DefinitionError(InputError):
    """A feature, rule, ruleset, model or setting is wrong."""

    code = "invalid-definition"


class Conflict(TarimError):
    """The same identity with other content."""

    http_status = 409
    code = "conflict"


class NotFound(TarimError):
    """Nothing under that name."""

    http_status = 404
    code = "not-found"


class NotAllowed(TarimError):
    """No key, a revoked key, or a key without the needed scope.  `http_status` is 401 or 403."""

    http_status = 401
    code = "not-allowed"

    def __init__(self, detail: str, *, known: bool = False) -> None:
        super().__init__(detail)
        if known:
            self.http_status = 403


class UnknownKey(NotAllowed):
    """A key was presented that was never assigned."""

    code = "unknown-key"


class ProofOutdated(NotAllowed):
    """A person may do this, but proved too long ago who it is; after doing so again it goes through."""

    http_status = 403
    code = "proof-outdated"


class TooOften(TarimError):
    """Asked more often than is allowed, or in a way that feels the rules out; `retry_after_s` seconds later it may be again."""

    http_status = 429
    code = "too-often"

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = max(1, math.ceil(retry_after_s))


class Unavailable(TarimError):
    """It cannot be done now, and nothing was changed: the disk is full, the intake is closed, a limit is reached."""

    http_status = 503
    code = "unavailable"


class Unrecorded(Unavailable):
    """It was done, or begun, but the audit trail did not take its outcome: look before asking for it again."""

    code = "unrecorded"


class RecordedNotShown(Unavailable):
    """The command is recorded for good; the tables will show it once the database answers again."""

    code = "recorded-not-shown"


class Damaged(TarimError):
    """Stored bytes are not what was written."""

    code = "damaged"
