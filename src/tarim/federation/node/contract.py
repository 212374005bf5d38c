"""Contracts of joint computation: what is computed on which data for what purpose, who learns what, how often, until when.

A contract is a value; its digest is of its canonical JSON, and both parties sign the digest (Ed25519, RFC 8032).  A node
computes what a contract signed by both says, from its own copy of it, and nothing else: a request carries the digest only
(MP-09, AS-11).
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta

from tarim.base.canonical import canonical_json
from tarim.base.errors import DefinitionError
from tarim.federation.encryption.sums import Shape
from tarim.federation.errors import ContractBreach
from tarim.federation.intersection import IdentifierKind
from tarim.federation.node.terms import (
    Algorithm,
    BoostingTerms,
    CampaignTerms,
    CrossTerms,
    Digest,
    FoundBy,
    IntersectionTerms,
    LogisticTerms,
    Output,
    Terms,
)
from tarim.federation.session import Role

PROTOCOL: Final = "tarim two parties, semi-honest, 1"
COLUMNS_MAX: Final = 1_000
USES_MAX: Final = 10_000_000
_CONTEXT: Final = b"tarim contract of joint computation\0"

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
ColumnName = Annotated[str, Meta(min_length=1, max_length=64)]
Words = Annotated[str, Meta(min_length=1, max_length=500)]


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A party: its name, SHA-256 of its certificate, its key for signatures."""

    name: Name
    certificate: Digest
    signing_key: Digest


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a party's data set is used.  label: at the SECOND party alone."""

    data_set: Digest
    key: ColumnName
    key_kind: IdentifierKind
    features: Annotated[tuple[ColumnName, ...], Meta(max_length=COLUMNS_MAX)] = ()
    label: Annotated[str, Meta(max_length=64)] = ""


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is opened to whom."""

    what: Output
    to: Name


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agreement of two parties.  uses: runs, or for a query rows asked about.  Instants are milliseconds since the epoch.

    custodians: who holds the first and the second party's shares of every training step, None for nobody.
    """

    number: Annotated[str, Meta(min_length=1, max_length=64)]
    purpose: Words
    terms: Terms
    first: Member
    second: Member
    first_data: Columns
    second_data: Columns
    outputs: Annotated[tuple[Opening, ...], Meta(max_length=8)]
    uses: Annotated[int, Meta(ge=1, le=USES_MAX)]
    expires_ms: Annotated[int, Meta(ge=0)]
    proposed_ms: Annotated[int, Meta(ge=0)]
    test_share: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.2
    custodians: tuple[Member, Member] | None = None
    protocol: str = PROTOCOL

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hex: the contract's name."""
        return hashlib.sha256(canonical_json(self)).hexdigest()

    @property
    def algorithm(self) -> Algorithm:
        """What is computed."""
        return Algorithm(str(type(self.terms).__struct_config__.tag))

    def check(self) -> None:
        """Nothing for a contract that can be carried out.  Raises DefinitionError, InputError."""
        if self.protocol != PROTOCOL:
            raise DefinitionError(f"this node computes by {PROTOCOL!r} only")
        if self.first.name == self.second.name or self.first.signing_key == self.second.signing_key:
            raise DefinitionError("a contract is between two parties")
        names = {self.first.name, self.second.name}
        if any(opening.to not in names for opening in self.outputs):
            raise DefinitionError("something is opened to somebody who is no party to the contract")
        if len(set(self.outputs)) != len(self.outputs):
            raise DefinitionError("the same is opened to the same party twice")
        self._check_custodians()
        if self.first_data.label:
            raise DefinitionError("the second party holds the label, the first does not")
        learns = self.algorithm not in (Algorithm.INTERSECTION, Algorithm.CAMPAIGN, Algorithm.QUERY)
        if learns and not (self.second_data.label and self.first_data.features and self.second_data.features):
            raise DefinitionError("what is learned together needs columns of both parties and a label at the second")
        if isinstance(self.terms, IntersectionTerms) and self.terms.method is FoundBy.RR22 and self.terms.padded_to:
            raise DefinitionError("RR22 does not hide the size of a set: leave the padding out, or find by ecdh")
        if isinstance(self.terms, CampaignTerms):
            columns, groups = len(self.first_data.features), len(self.second_data.features)
            Shape(1, columns, groups, self.terms.least, self.terms.fraction_bits)
        trained = self.terms.model if isinstance(self.terms, CrossTerms) else self.terms
        if isinstance(trained, LogisticTerms):
            trained.plan.check(trained.plan.batch_rows)
        if isinstance(trained, BoostingTerms):
            trained.plan.check()
        allowed = {
            Algorithm.INTERSECTION: {Output.COMMON},
            Algorithm.LOGISTIC: {Output.CURVE, Output.IMPORTANCE},
            Algorithm.BOOSTING: {Output.CURVE, Output.IMPORTANCE},
            Algorithm.CROSS: {Output.CURVE},
            Algorithm.SCREENING: {Output.INFORMATION, Output.CORRELATION},
            Algorithm.CAMPAIGN: {Output.SUMS},
            Algorithm.QUERY: {Output.ANSWER},
        }[self.algorithm]
        if any(opening.what not in allowed for opening in self.outputs) or not self.outputs:
            raise DefinitionError(f"{self.algorithm.value} opens {', '.join(allowed)} to a party, and nothing else")
        if self.algorithm is Algorithm.QUERY and [opening.to for opening in self.outputs] != [self.second.name]:
            raise DefinitionError("the answer of a query is opened to the second party, which asks")

    def _check_custodians(self) -> None:
        if self.custodians is None:
            return
        if self.algorithm not in (Algorithm.LOGISTIC, Algorithm.BOOSTING):
            raise DefinitionError("only a training has steps whose shares custodians hold")
        everybody = (self.first, self.second, *self.custodians)
        if any(
            len({getattr(each, field) for each in everybody}) != len(everybody)
            for field in ("name", "certificate", "signing_key")
        ):
            raise DefinitionError("each party has a custodian of its own, who is neither of the parties")

    def custodian(self, role: Role) -> Member | None:
        """Who holds a party's shares."""
        return None if self.custodians is None else self.custodians[role]

    def role_of(self, certificate: str) -> Role:
        """Which party has this certificate.  Raises ContractBreach."""
        for role, member in ((Role.FIRST, self.first), (Role.SECOND, self.second)):
            if member.certificate == certificate:
                return role
        raise ContractBreach("this party is not one of the contract's", known=True)

    def member(self, role: Role) -> Member:
        """A party."""
        return self.first if role is Role.FIRST else self.second

    def data(self, role: Role) -> Columns:
        """What of a party's data is used."""
        return self.first_data if role is Role.FIRST else self.second_data

    def opened_to(self, what: Output) -> frozenset[Role]:
        """Who learns this."""
        return frozenset(
            role for role in Role for each in self.outputs if each.what is what and each.to == self.member(role).name
        )


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A contract and the signatures that it has: hex, "" while a party has not signed."""

    contract: Contract
    first_signature: Annotated[str, Meta(pattern="^([0-9a-f]{128})?$")] = ""
    second_signature: Annotated[str, Meta(pattern="^([0-9a-f]{128})?$")] = ""

    @property
    def complete(self) -> bool:
        """Whether both parties have signed, rightly."""
        return all(self.signed_by(role) for role in Role)

    def signature(self, role: Role) -> str:
        """A party's signature."""
        return self.first_signature if role is Role.FIRST else self.second_signature

    def signed_by(self, role: Role) -> bool:
        """Whether this party has signed, rightly."""
        signature, member = self.signature(role), self.contract.member(role)
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(member.signing_key))
            key.verify(bytes.fromhex(signature), signed_bytes(self.contract.digest))
        except (InvalidSignature, ValueError):
            return False
        return True

    def with_signature(self, role: Role, signature: str) -> Signed:
        """The same with a party's signature.  Raises ContractBreach when it is not that party's of this contract."""
        name = "first_signature" if role is Role.FIRST else "second_signature"
        signed: Signed = msgspec.structs.replace(self, **{name: signature})
        if not signed.signed_by(role):
            raise ContractBreach(
                f"the signature is not that of {self.contract.member(role).name} under this contract", known=True
            )
        return signed

    def require(self, now_ms: int) -> Contract:
        """The contract, if it is in force.  Raises ContractBreach."""
        if not self.complete:
            raise ContractBreach("the contract is not signed by both parties", known=True)
        if now_ms >= self.contract.expires_ms:
            raise ContractBreach("the contract has expired", known=True)
        return self.contract


def signed_bytes(digest: str) -> bytes:
    """What a party signs."""
    return _CONTEXT + bytes.fromhex(digest)
