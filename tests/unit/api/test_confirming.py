"""Bodies of keys that answer challenges: no confirmation in them, however it is written."""

from __future__ import annotations

import pytest

from tarim.api.confirming import check_confirms_nothing
from tarim.base.errors import NotAllowed


@pytest.mark.parametrize(
    "body",
    [
        b'{"kind": "confirmation"}',
        b'{"kind": "\\u0063onfirmation"}',
        b'{"kin\\u0064": "confirmation"}',
        b'{"kind": "payment", "kind": "confirmation"}',
        b'[{"kind": "payment"}, {"kind": "confirmation"}]',
        b' {"events": [{"kind": "confirmation"}]}',
    ],
)
def test_a_confirmation_is_refused(body: bytes) -> None:
    with pytest.raises(NotAllowed) as caught:
        check_confirms_nothing(body)
    assert caught.value.http_status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"confirmation",
        b'{"kind": "payment", "order_id": "confirmation"}',
        b'{"kind": "reversal"}',
        b'[["confirmation"]]',
        b'"confirmation"',
        b'{"kind": "confirmation"',
        b"[" * 100_000 + b"confirmation",
    ],
)
def test_everything_else_is_intakes_business(body: bytes) -> None:
    check_confirms_nothing(body)
