"""API keys: who may call, and what for.

A key is 32 random bytes as URL-safe text, shown once when it is made; the file keeps its SHA-256 only.  (A slow password
hash would add nothing: 256 random bits cannot be guessed.)  The file is JSON, of mode 0600, and replaced as a whole.
"""

from __future__ import annotations

import base64
import fcntl
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from tarim.base.errors import Damaged, DefinitionError, NotAllowed, NotFound, Unavailable, UnknownKey
from tarim.base.instants import SECOND_MS, Clock

KEY_BYTES: Final = 32
KEYS_MAX: Final = 10_000
NAME_CHARACTERS_MAX: Final = 64
FILE_BYTES_MAX: Final = 16 << 20
PRESENTED_CHARACTERS_MAX: Final = 256
RELOAD_MS: Final = SECOND_MS
ANSWER_FIELDS_MAX: Final = 20
_FIELD: Final = re.compile(r"[a-z_]{1,32}")
_FORMAT: Final = 1


class Scope(StrEnum):
    """What somebody may do: what a key is for, and what a role lets a person do."""

    DECIDE = "decide"
    """Send events and have them judged."""
    READ = "read"
    """Look up past decisions."""
    EXPLAIN = "explain"
    """Ask what each feature added to a score, in numbers."""
    SCORE = "score"
    """Be told the model's score itself with a decision; other keys see it rounded (ML-23)."""
    METRICS = "metrics"
    """Read the service's figures."""
    OPERATE = "operate"
    """Do what one person may do at once: pause a rule or model, stop a kind of business, go back one ruleset or model."""
    AUTHOR = "author"
    """Propose rulesets, lists, switches and overrides."""
    APPROVE = "approve"
    """Decide on what another person proposed."""
    MODELS = "models"
    """Manage models: submit, propose to publish, challenge or retire them, and take one out (ML-26: a post of its own)."""
    HOLDS_ORDER = "holds:order"
    """Carry out, for the desk, what two persons agreed to there about a payment that is held."""
    CASES_READ = "cases:read"
    """See alerts and cases of one's branches and queues, masked."""
    CASES_WORK = "cases:work"
    """Work on cases: take, note, attach, submit."""
    CASES_REVIEW = "cases:review"
    """Decide on what another person submitted: close, reopen, report, release money."""
    CASES_ASSIGN = "cases:assign"
    """Give cases to other persons."""
    REPORTS_READ = "reports:read"
    """Read risk reports and reports to the authority."""
    REPORTS_WRITE = "reports:write"
    """Draft reports, make batch files."""
    REPORTS_APPROVE = "reports:approve"
    """Decide on a report another person drafted."""
    REDRESS_READ = "redress:read"
    """See losses, complaints and disputes."""
    REDRESS_WORK = "redress:work"
    """Take in and work on losses, complaints and disputes."""
    REDRESS_DECIDE = "redress:decide"
    """Decide on liability, payment and settlement."""
    REQUESTS_WORK = "requests:work"
    """Register requests of police and courts and prepare what they are given."""
    REQUESTS_APPROVE = "requests:approve"
    """Decide on what police and courts are given."""
    ERASURES_WORK = "erasures:work"
    """Ask for the deletion of a customer's personal data."""
    ERASURES_APPROVE = "erasures:approve"
    """Decide on a deletion another person asked for."""
    ERASURES_ORDER = "erasures:order"
    """Carry out, for the desk, a deletion that two persons agreed to there."""
    CONTACT_CALLBACK = "contact:callback"
    """Report, as a channel, what a customer answered."""
    USERS_READ = "users:read"
    """See users, roles and grants."""
    USERS_MANAGE = "users:manage"
    """Make users, propose grants, lock, unlock, end sessions."""
    USERS_APPROVE = "users:approve"
    """Decide on a grant another person proposed."""
    AUDIT_READ = "audit:read"
    """Search the audit trail."""
    AUDIT_EXPORT = "audit:export"
    """Export the audit trail, and approve another person's export."""
    REVEAL = "reveal"
    """See personal data unmasked, after proving again who one is and saying why."""
    SELF = "self"
    """Look after one's own account.  Every session of a person has it, and no role or key."""

    __hash__ = str.__hash__
    """Of the text, as equality is; an Enum's own hash is a Python function, and each decision asks for a scope three times."""


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is stored of a key.  Instants are milliseconds since the epoch; 0 in `revoked_ms` and `expires_ms` is never, and 0
    in its own limits means the common ones.  answer_fields: the fields of an answer that its contract names; empty: all.
    """

    id: str
    name: str
    sha256: str
    scopes: tuple[Scope, ...]
    created_ms: int
    revoked_ms: int = 0
    expires_ms: int = 0
    events_per_s_max: int = 0
    events_per_day_max: int = 0
    answer_fields: tuple[str, ...] = ()

    def state(self, now_ms: int) -> str:
        """`active`, `revoked` or `expired`."""
        if self.revoked_ms:
            return "revoked"
        return "expired" if self.expires_ms and now_ms >= self.expires_ms else "active"


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    keys: list[ApiKey]


@dataclass(frozen=True, slots=True)
class KeyId:
    """The key that a call was made with; safe to log.  number: the id as a number above 0.  answer_fields: as in ApiKey."""

    id: str
    name: str
    scopes: frozenset[Scope]
    events_per_s_max: int = 0
    events_per_day_max: int = 0
    answer_fields: frozenset[str] = frozenset()
    number: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", int(self.id, 16) + 1)


class KeyRing:
    """The keys of a file, read again when it changes (looked at once a second at most)."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._by_digest: dict[bytes, tuple[bytes, ApiKey, KeyId]] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._looked_ms = -RELOAD_MS
        self._reload()

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._by_digest)} keys>"

    @classmethod
    def load(cls, path: Path, clock: Clock) -> KeyRing:
        """The ring of `path`; without the file there is no key.  Raises DefinitionError or Damaged."""
        return cls(path, clock)

    def check(self, presented: str, scope: Scope) -> KeyId:
        """The key presented, if it has the scope.

        Raises NotAllowed: 401 for a key that is unknown, revoked or expired, 403 for one without the scope.
        """
        key_id = self.identify(presented)
        if scope not in key_id.scopes:
            raise NotAllowed(f"API key {key_id.id} has no scope {scope.value}", known=True)
        return key_id

    def identify(self, presented: str) -> KeyId:
        """The key presented, whatever it is for.  Raises NotAllowed (401) for one that is unknown, revoked or expired."""
        now_ms = self._clock.now_ms()
        if abs(now_ms - self._looked_ms) >= RELOAD_MS:
            self._looked_ms = now_ms
            self._reload()
        if not presented or len(presented) > PRESENTED_CHARACTERS_MAX:
            raise NotAllowed("no API key was given, or it is not one")
        digest = sha256(presented.encode("utf-8", "replace")).digest()
        # The dictionary is entered with a digest that the caller cannot steer; what it finds is compared in constant time.
        found = self._by_digest.get(digest)
        if found is None or not hmac.compare_digest(found[0], digest):
            raise UnknownKey("this API key is not known")
        _, key, key_id = found
        state = key.state(now_ms)
        if state != "active":
            raise NotAllowed(f"API key {key.id} is {state}")
        return key_id

    def _reload(self) -> None:
        try:
            status = os.stat(self._path)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except FileNotFoundError:
            self._by_digest, self._stamp = {}, None
            return
        if stamp != self._stamp:
            self._by_digest = {
                (digest := bytes.fromhex(key.sha256)): (
                    digest,
                    key,
                    _id_of(key),
                )
                for key in read_keys(self._path)
            }
            self._stamp = stamp


def _id_of(key: ApiKey) -> KeyId:
    fields = frozenset(key.answer_fields)
    return KeyId(key.id, key.name, frozenset(key.scopes), key.events_per_s_max, key.events_per_day_max, fields)


def read_keys(path: Path) -> list[ApiKey]:
    """The keys of a file in the order they were made; none when it does not exist.

    Raises DefinitionError when group or others may read it, Damaged when it does not hold keys.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"the key file {path} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise DefinitionError(f"the key file {path} has mode {mode:04o}: group or others may use it; run chmod 600")
        data = file.read(FILE_BYTES_MAX + 1)
    try:
        found = msgspec.json.decode(data, type=_File)
        if found.format != _FORMAT or any(len(bytes.fromhex(key.sha256)) != KEY_BYTES for key in found.keys):
            raise ValueError
    except (msgspec.MsgspecError, ValueError):
        raise Damaged(f"the key file {path} does not hold API keys of format {_FORMAT}") from None
    return found.keys


def create_key(
    path: Path,
    name: str,
    scopes: Iterable[str],
    now_ms: int,
    expires_ms: int = 0,
    *,
    events_per_s_max: int = 0,
    events_per_day_max: int = 0,
    answer_fields: Iterable[str] = (),
) -> tuple[ApiKey, str]:
    """A new key and its secret text, which is kept nowhere.

    answer_fields: all that its answers may hold beside what names the event; a key with some may do nothing but decide, for
    whoever reads decisions sees them whole.  Raises DefinitionError for a bad name, scope, limit or field.
    """
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise DefinitionError(f"a key's name has 1 to {NAME_CHARACTERS_MAX} printable characters")
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in Scope._value2member_map_]
    if unknown or not wanted:
        raise DefinitionError(f"a key has at least one scope out of {', '.join(Scope)}")
    if expires_ms and expires_ms <= now_ms:
        raise DefinitionError("a key cannot expire before it is made")
    if events_per_s_max < 0 or events_per_day_max < 0:
        raise DefinitionError("a key's limits are not negative; 0 means the common ones")
    fields = tuple(sorted(set(answer_fields)))
    if len(fields) > ANSWER_FIELDS_MAX or not all(_FIELD.fullmatch(each) for each in fields):
        raise DefinitionError(
            f"a contract names up to {ANSWER_FIELDS_MAX} fields, each in lower-case letters and underscores"
        )
    if fields and not {Scope.DECIDE} <= set(wanted) <= {Scope.DECIDE, Scope.SCORE}:
        raise DefinitionError("a key whose answers hold some fields only has the scope decide, and score at most")
    secret = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=").decode()
    digest = sha256(secret.encode()).hexdigest()
    made = ApiKey(
        secrets.token_hex(6),
        name,
        digest,
        tuple(Scope(scope) for scope in wanted),
        now_ms,
        0,
        expires_ms,
        events_per_s_max,
        events_per_day_max,
        fields,
    )

    def add(keys: list[ApiKey]) -> list[ApiKey]:
        if len(keys) >= KEYS_MAX:
            raise Unavailable(f"there are {KEYS_MAX} keys already")
        return [*keys, made]

    _change(path, add)
    return made, secret


def revoke_key(path: Path, key_id: str, now_ms: int) -> ApiKey:
    """The key, revoked from now on (an earlier revocation stays as it was).  Raises NotFound."""
    changed: list[ApiKey] = []

    def revoke(keys: list[ApiKey]) -> list[ApiKey]:
        after = [
            msgspec.structs.replace(key, revoked_ms=key.revoked_ms or now_ms) if key.id == key_id else key
            for key in keys
        ]
        changed.extend(key for key in after if key.id == key_id)
        if not changed:
            raise NotFound(f"there is no API key {key_id}")
        return after

    _change(path, revoke)
    return changed[0]


def _change(path: Path, change: Callable[[list[ApiKey]], list[ApiKey]]) -> None:
    """Replace the file by a changed one: written, synced, renamed, and one writer at a time."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path):
            content = msgspec.json.format(msgspec.json.encode(_File(_FORMAT, change(read_keys(path)))))
            temporary = path.with_name(f".{path.name}.new")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(content + b"\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
            folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise Unavailable(f"the key file {path} cannot be written: {error.strerror}") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
