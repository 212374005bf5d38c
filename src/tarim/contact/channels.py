"""The channels that take part in contact, as the bank has set them (TOML), and the keys their messages are signed with.

    [[channels]]
    source = "mobile-bank"                       source of its events, and the name on its API key
    url = "https://mobile.bank.example/tarim"    callbacks go below it; http:// only to this machine
    methods = ["password", "sms_code", "face"]   what it can ask a customer for
    algorithm = "ed25519"                        or "hmac-sha256"
    public_key = "<base64>"                      ed25519: what the channel signs with; nothing secret stands here
    generation = 1                               1 to 99; a higher one is another key

With hmac-sha256 the secret is derived from the master key, so it is stored nowhere here; `tarim contact key` prints it once
for the channel.  With ed25519 the channel's private key is nobody's but its own, and ours is derived likewise.
"""

from __future__ import annotations

import base64
import binascii
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from tarim.base.errors import DefinitionError, NotAllowed
from tarim.contact.signatures import ALGORITHMS, Algorithm, Key
from tarim.decisions import METHODS
from tarim.privacy import MasterKey, Signer

CHANNELS_MAX: Final = 64
FILE_BYTES_MAX: Final = 1 << 20
URL_CHARACTERS_MAX: Final = 500
GENERATIONS_MAX: Final = 99
_KEYS: Final = ("source", "url", "methods", "algorithm", "public_key", "generation")
_SOURCE: Final = re.compile(r"[a-z0-9-]{1,32}")
_LOCAL: Final = ("127.0.0.1", "::1", "localhost")
_PUBLIC_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel.  url: without a slash at its end."""

    source: str
    url: str
    methods: tuple[str, ...]
    key: Key


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels by source, and the key of one-time codes."""

    by_source: Mapping[str, Channel]
    code_key: bytes = field(repr=False)
    public_key_hex: str = ""

    def get(self, source: str) -> Channel:
        """The channel of a source.  Raises NotAllowed (403)."""
        found = self.by_source.get(source)
        if found is None:
            raise NotAllowed(f"{source} is no channel of contact", known=True)
        return found


def read_channels(path: Path | None, master: MasterKey) -> Channels:
    """The channels of a file; none without one.  Raises DefinitionError naming every fault."""
    signer = Signer(master.derive("contact/signing"))
    code_key = master.derive("contact/codes")
    if path is None:
        return Channels(MappingProxyType({}), code_key, signer.public_key_hex)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DefinitionError(f"the channels of contact in {path} cannot be read: {error.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise DefinitionError(f"{path} is longer than {FILE_BYTES_MAX} bytes")
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DefinitionError(f"{path} is not TOML: {error}") from None
    tables = document.get("channels", [])
    problems = [f"{name} is unknown; known is channels" for name in document if name != "channels"]
    if not isinstance(tables, list) or len(tables) > CHANNELS_MAX or not all(isinstance(each, dict) for each in tables):
        raise DefinitionError(f"{path}: channels must be a list of at most {CHANNELS_MAX} tables")
    found: dict[str, Channel] = {}
    for at, table in enumerate(tables):
        where = f"channels[{at}]"
        faults = _faults(table)
        if table.get("source") in found:
            faults.append("source is named twice")
        problems += [f"{where}.{fault}" for fault in faults]
        if not faults:
            channel = _channel(table, master, signer)
            found[channel.source] = channel
    if problems:
        raise DefinitionError(f"{path}: " + "; ".join(problems))
    return Channels(MappingProxyType(found), code_key, signer.public_key_hex)


def _faults(table: Mapping[str, Any]) -> list[str]:
    """What is wrong with one table."""
    faults = [f"{str(name)[:64]} is unknown; known are {', '.join(_KEYS)}" for name in table if name not in _KEYS]
    if not isinstance(table.get("source"), str) or not _SOURCE.fullmatch(table["source"]):
        faults.append("source must be 1 to 32 lower-case letters, digits and -")
    if not _good_url(table.get("url")):
        faults.append(f"url must begin with https:// (http:// only for this machine), at most {URL_CHARACTERS_MAX}")
    methods = table.get("methods")
    if not isinstance(methods, list) or not methods or not all(each in METHODS for each in methods):
        faults.append(f"methods must be some of {', '.join(METHODS)}")
    if table.get("algorithm") not in ALGORITHMS:
        faults.append(f"algorithm must be {' or '.join(ALGORITHMS)}")
    elif (table["algorithm"] == "ed25519") is not (_public_key(table.get("public_key")) is not None):
        faults.append("public_key must be the base64 of 32 bytes with ed25519, and not be there with hmac-sha256")
    generation = table.get("generation", 1)
    if type(generation) is not int or not 1 <= generation <= GENERATIONS_MAX:
        faults.append(f"generation must be a whole number from 1 to {GENERATIONS_MAX}")
    return faults


def _channel(table: Mapping[str, Any], master: MasterKey, signer: Signer) -> Channel:
    source, generation = table["source"], table.get("generation", 1)
    algorithm: Algorithm = table["algorithm"]
    key_id = f"{source}.{generation}"
    if algorithm == "hmac-sha256":
        key = Key(key_id, algorithm, secret=master.derive(f"contact/hmac/{key_id}"))
    else:
        key = Key(key_id, algorithm, public=_public_key(table["public_key"]) or b"", ours=signer)
    methods = tuple(name for name in METHODS if name in table["methods"])
    return Channel(source, table["url"].rstrip("/"), methods, key)


def _good_url(url: Any) -> bool:
    if not isinstance(url, str) or not 1 <= len(url) <= URL_CHARACTERS_MAX or not url.isascii():
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.username is not None or parts.query or parts.fragment or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL)


def _public_key(text: Any) -> bytes | None:
    if not isinstance(text, str) or len(text) > URL_CHARACTERS_MAX:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == _PUBLIC_KEY_BYTES else None
