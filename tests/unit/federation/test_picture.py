"""The picture of a run names what each side sent and opened, and what its custodian holds."""

from __future__ import annotations

from xml.etree import ElementTree

import msgspec

from tarim.federation import Transcript, picture
from tarim.federation.node.transcripts import Held, Opened, Step


def of(party: str, peer: str, custodian: str) -> Transcript:
    held = [Held(step, "a" * 64, 700_000, custodian, "b" * 128) for step in (1, 2)] if custodian else []
    steps, opened = [Step("training", 1_500, 2_000_000, 3_000_000, 7)], [Opened("curve", "bank", (2, 64))]
    return Transcript("1" * 64, "2" * 64, party, peer, "li.na", 1, 2, "done", {}, {}, steps, opened, {}, "", "", held)


def words(svg: str) -> str:
    return "\n".join(element.text or "" for element in ElementTree.fromstring(svg).iter())


def test_both_custodians_are_in_the_picture_with_what_they_hold() -> None:
    shown = words(picture(of("bank", "data", "vault-bank"), of("data", "bank", "vault-<data>")))
    for expected in (
        "vault-bank",
        "vault-<data>",
        "2 步密封分片 sealed shares · 1.4 MB",
        "联合训练 training",
        "2.0 MB",
    ):
        assert expected in shown
    one_side = words(picture(of("bank", "data", "vault-bank")))
    assert one_side.count("custodian") == 1
    assert "custodian" not in words(picture(of("bank", "data", "")))


def test_a_transcript_keeps_what_its_custodian_confirmed() -> None:
    transcript = of("bank", "data", "vault-bank")
    again = msgspec.json.decode(msgspec.json.encode(transcript), type=Transcript)
    assert again == transcript and again.signed_bytes() == transcript.signed_bytes()
    assert of("bank", "data", "").signed_bytes() != transcript.signed_bytes()


def test_the_third_node_of_a_run_is_in_the_picture() -> None:
    steps = [Step("training", 1_500, 2_000_000, 3_000_000, 7), Step("third node", 1_500, 4_000_000, 5_000_000, 7)]
    company = msgspec.structs.replace(of("bank", "data", ""), third="vault", steps=steps)
    shown = words(picture(company))
    assert "bank ↔ vault: 发送 sent 4.0 MB · 接收 received 5.0 MB" in shown and "shares only" in shown
    steps = [Step(f"with {name}", 1, 2, 3, 4) for name in ("data", "bank")]
    assert "data, bank" in words(picture(msgspec.structs.replace(of("vault", "data", ""), third="vault", steps=steps)))


def test_a_transcript_of_two_nodes_is_signed_as_before_there_were_three() -> None:
    transcript = of("bank", "data", "vault-bank")
    assert b"third" not in transcript.signed_bytes()
    assert b'"third":"vault"' in msgspec.structs.replace(transcript, third="vault").signed_bytes()
