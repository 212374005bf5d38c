"""A party's folder, and what lies in it.

FOLDER/
    party.toml       its name and kind; how long a broken connection is waited for; who its custodian is
    master.key       the one secret; signatures and the sealing of models derive from it
    key.pem, certificate.pem    its side of mutual TLS
    peers/           certificates of the peers
    records.db       peers, data sets, contracts, runs
    models/          this side's parts of joint models, sealed
    scorecards/      this party's own linear models, sealed
    stock/           what questions need, made ahead, sealed; used once
    results/         what was opened to this party, by run
    under-way/       a locked file for each run that a living process carries out
    keys.json        keys of the persons who work here
    custody/         at a custodian: what it holds for others
"""

from __future__ import annotations

import datetime
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.base.errors import Conflict, DefinitionError, NotFound
from tarim.federation.adapters.pinning import CERTIFICATE_FILE, make_certificate
from tarim.federation.node.contract import Member, Name
from tarim.privacy import create_master_key

PARTY_FILE: Final = "party.toml"
CARD_CHARACTERS_MAX: Final = 16 << 10
PATIENCE_S: Final = 60.0
"""How long a broken connection is waited for before a run ends on both sides, unless party.toml says otherwise."""
PATIENCE_S_MAX: Final = 3_600.0


class Kind(StrEnum):
    """What a node is."""

    PARTY = "party"
    CUSTODIAN = "custodian"
    """Holds sealed shares, see `custodian`; as the third node of a contract it computes along on shares, see `assisting`."""


def make_party(folder: Path, name: str, now: datetime.datetime, kind: Kind = Kind.PARTY) -> str:
    """A new node's folder; the fingerprint of its certificate.  Raises Conflict, DefinitionError."""
    try:
        msgspec.convert(name, Name)
    except msgspec.ValidationError:
        raise DefinitionError("a party's name has 1 to 32 small letters, digits and hyphens") from None
    if (folder / PARTY_FILE).exists():
        raise Conflict(f"{folder} is a party's folder already")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_master_key(folder / "master.key")
    made = make_certificate(folder, name, now)
    (folder / "peers").mkdir(mode=0o700)
    (folder / PARTY_FILE).write_text(f'name = "{name}"\nkind = "{kind.value}"\n', encoding="utf-8")
    return made


class PartyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What party.toml says.  custodian: the peer that holds this party's shares of every training step, "" for none."""

    name: Name
    patience_s: Annotated[float, Meta(ge=1.0, le=PATIENCE_S_MAX)] = PATIENCE_S
    kind: Kind = Kind.PARTY
    custodian: Annotated[str, Meta(max_length=32)] = ""


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a party gives to another: who it is, and its certificate, PEM."""

    member: Member
    certificate: Annotated[str, Meta(max_length=CARD_CHARACTERS_MAX)]


def read_card(path: Path) -> Card:
    """A card from a file.  Raises NotFound, DefinitionError."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(2 * CARD_CHARACTERS_MAX), type=Card)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError:
        raise DefinitionError(f"{path} is no party's card; make one with: tarim party card") from None


def read_settings(folder: Path) -> PartyFile:
    """What a folder's party.toml says.  Raises NotFound, DefinitionError."""
    try:
        return msgspec.convert(tomllib.loads((folder / PARTY_FILE).read_text(encoding="utf-8")), PartyFile)
    except OSError:
        raise NotFound(f"{folder} is no party's folder; make one with: tarim party init --data {folder}") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise DefinitionError(f"{folder / PARTY_FILE} cannot be read: {error}") from None


def certificate_of(folder: Path) -> str:
    """A party's certificate, as peers need it, PEM.  Raises NotFound."""
    try:
        return (folder / CERTIFICATE_FILE).read_text(encoding="ascii")
    except OSError:
        raise NotFound(f"{folder} holds no certificate") from None
