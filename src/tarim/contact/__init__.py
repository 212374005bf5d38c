"""Contact with customers through their channels: challenges and answers, one-time codes, notices, what became of a payment.

`Contact` has the use cases; `ContactBook` is its book on the desk; `Courier` sends what the outbox holds.  A channel
implements five callbacks and calls two routes (`docs/how-to/connect-a-channel.md`); every message either way is signed.

    payment held ─► challenge ─► the customer answers in the channel ─► judged against what the decisions' journal says
                                                                        ─► confirmation, reversal, label ─► the decisions
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.contact.adapters.rows import Message
    from tarim.contact.adapters.wire import HttpWire
    from tarim.contact.answers import Contact
    from tarim.contact.book import ContactBook
    from tarim.contact.channels import Channel, Channels, read_channels
    from tarim.contact.courier import Courier, CourierLimits, Decisions
    from tarim.contact.domain.challenge import Challenge, ChallengeState
    from tarim.contact.domain.codes import CODE_DIGITS
    from tarim.contact.domain.delivery import DeliveryState
    from tarim.contact.domain.judging import CAUSES, Answer, Cause, Outcome
    from tarim.contact.domain.shown import DIGEST_CHARACTERS, Shown
    from tarim.contact.ports import RawPayment, RawValues, Sent, Wire
    from tarim.contact.signatures import Key, Request
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "CAUSES",
    "CODE_DIGITS",
    "DIGEST_CHARACTERS",
    "Answer",
    "Cause",
    "Challenge",
    "ChallengeState",
    "Channel",
    "Channels",
    "Contact",
    "ContactBook",
    "Courier",
    "CourierLimits",
    "Decisions",
    "DeliveryState",
    "HttpWire",
    "Key",
    "Message",
    "Outcome",
    "RawPayment",
    "RawValues",
    "Request",
    "Sent",
    "Shown",
    "Wire",
    "read_channels",
]
