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
from msgspec import UNSET, Meta, UnsetType

from tarim.base.canonical import canonical_json
from tarim.base.errors import DefinitionError
from tarim.federation.encryption.sums import Shape
from tarim.federation.errors import ContractBreach
from tarim.federation.intersection import IdentifierKind
from tarim.federation.node.engines import PROTOCOLS, Engine, engine_of, require_possible
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
    ScoreTerms,
    Terms,
)
from tarim.federation.session import Role

COLUMNS_MAX: Final = 1_000
USES_MAX: Final = 10_000_000
_CONTEXT: Final = b"tarim contract of joint computation\0"

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
ColumnName = Annotated[str, Meta(min_length=1, max_length=64)]
_Signature = Annotated[str, Meta(pattern="^([0-9a-f]{128})?$")]
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
    protocol: see `engines.PROTOCOLS`.  third: the node that computes along on shares, without data and without learning
    anything, where the protocol has one.  finding: how common customers are found before something else is computed.
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
    protocol: str = PROTOCOLS[Engine.OWN]
    third: Member | UnsetType = UNSET
    finding: FoundBy | UnsetType = UNSET

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hex: the contract's name."""
        return hashlib.sha256(canonical_json(self)).hexdigest()

    @property
    def algorithm(self) -> Algorithm:
        """What is computed."""
        return Algorithm(str(type(self.terms).__struct_config__.tag))

    @property
    def engine(self) -> Engine:
        """By what it is computed.  Raises DefinitionError."""
        return engine_of(self.protocol)

    @property
    def found_by(self) -> FoundBy:
        """How common customers are found."""
        if isinstance(self.terms, IntersectionTerms):
            return self.terms.method
        return FoundBy.OWN if self.finding is UNSET else self.finding

    @property
    def nodes(self) -> tuple[Member, ...]:
        """Who signs it and takes part: both parties, and the third node where there is one."""
        return (self.first, self.second) if self.third is UNSET else (self.first, self.second, self.third)

    def check(self) -> None:
        """Nothing for a contract that can be carried out.  Raises DefinitionError, InputError."""
        require_possible(self.engine, self.terms)
        if self.first.name == self.second.name or self.first.signing_key == self.second.signing_key:
            raise DefinitionError("a contract is between two parties")
        names = {self.first.name, self.second.name}
        if any(opening.to not in names for opening in self.outputs):
            raise DefinitionError("something is opened to somebody who is no party to the contract")
        if len(set(self.outputs)) != len(self.outputs):
            raise DefinitionError("the same is opened to the same party twice")
        self._check_others()
        if self.first_data.label:
            raise DefinitionError("the second party holds the label, the first does not")
        learns = self.algorithm not in (Algorithm.INTERSECTION, Algorithm.CAMPAIGN, Algorithm.SCORES, Algorithm.QUERY)
        if learns and not (self.second_data.label and self.first_data.features and self.second_data.features):
            raise DefinitionError("what is learned together needs columns of both parties and a label at the second")
        if isinstance(self.terms, IntersectionTerms) and self.terms.method is FoundBy.RR22 and self.terms.padded_to:
            raise DefinitionError("RR22 does not hide the size of a set: leave the padding out, or find by ecdh")
        if isinstance(self.terms, CampaignTerms):
            columns, groups = len(self.first_data.features), len(self.second_data.features)
            Shape(1, columns, groups, self.terms.least, self.terms.fraction_bits)
        if isinstance(self.terms, ScoreTerms):
            self.terms.check(len(self.first_data.features), len(self.second_data.features))
        trained = self.terms.model if isinstance(self.terms, CrossTerms) else self.terms
        if isinstance(trained, LogisticTerms):
            trained.plan.check(trained.plan.least_rows)
        if isinstance(trained, BoostingTerms):
            trained.plan.check()
        allowed = {
            Algorithm.INTERSECTION: {Output.COMMON},
            Algorithm.LOGISTIC: {Output.CURVE, Output.IMPORTANCE},
            Algorithm.BOOSTING: {Output.CURVE, Output.IMPORTANCE, Output.GAIN},
            Algorithm.CROSS: {Output.CURVE},
            Algorithm.SCREENING: {Output.INFORMATION, Output.CORRELATION},
            Algorithm.CAMPAIGN: {Output.SUMS},
            Algorithm.SCORES: {Output.SCORES},
            Algorithm.QUERY: {Output.ANSWER},
        }[self.algorithm]
        if any(opening.what not in allowed for opening in self.outputs) or not self.outputs:
            raise DefinitionError(f"{self.algorithm.value} opens {', '.join(allowed)} to a party, and nothing else")
        if self.opened_to(Output.GAIN) and self.engine is not Engine.OWN:
            raise DefinitionError(
                f"{self.engine.value} does not count what columns gain: leave gain out, or take protocol own"
            )
        if self.algorithm is Algorithm.QUERY and [opening.to for opening in self.outputs] != [self.second.name]:
            raise DefinitionError("the answer of a query is opened to the second party, which asks")
        if self.algorithm is Algorithm.SCORES and len(self.outputs) != 1:
            raise DefinitionError("encrypted scores are opened to one party: the one that has the key")

    def _check_others(self) -> None:
        """Who takes part besides the parties."""
        if (self.third is not UNSET) is not (self.engine is Engine.ABY3):
            raise DefinitionError("aby3 has a third node, a custodian that computes along, and no other protocol has")
        if self.finding is not UNSET and self.algorithm in (Algorithm.INTERSECTION, Algorithm.QUERY):
            raise DefinitionError(
                "an intersection names its method itself, and a query finds nobody: leave finding out"
            )
        if self.custodians is not None and self.algorithm not in (Algorithm.LOGISTIC, Algorithm.BOOSTING):
            raise DefinitionError("only a training has steps whose shares custodians hold")
        trained = self.terms.model if isinstance(self.terms, CrossTerms) else self.terms
        if isinstance(trained, LogisticTerms) and trained.custody_steps is not UNSET and self.custodians is None:
            raise DefinitionError(
                "nobody holds shares of steps in that contract: set custody, or leave custody_steps out"
            )
        everybody = self.nodes + (self.custodians or ())
        if any(
            len({getattr(each, field) for each in everybody}) != len(everybody)
            for field in ("name", "certificate", "signing_key")
        ):
            raise DefinitionError("each custodian is one of its own, and neither of the parties")

    def custodian(self, role: Role) -> Member | None:
        """Who holds a party's shares."""
        return None if self.custodians is None else self.custodians[role]

    def role_of(self, certificate: str) -> Role:
        """Which party has this certificate.  Raises ContractBreach."""
        for role, member in ((Role.FIRST, self.first), (Role.SECOND, self.second)):
            if member.certificate == certificate:
                return role
        raise ContractBreach("this party is not one of the contract's", known=True)

    def counterpart(self, certificate: str) -> Member:
        """The other party; to the third node, the first.  Raises ContractBreach for whoever takes no part."""
        if self.third is not UNSET and certificate == self.third.certificate:
            return self.first
        return self.member(Role(1 - self.role_of(certificate)))

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


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A contract and the signatures that it has: hex, "" while a node has not signed."""

    contract: Contract
    first_signature: _Signature = ""
    second_signature: _Signature = ""
    third_signature: _Signature = ""

    @property
    def complete(self) -> bool:
        """Whether both parties have signed, rightly, and so has the third node where there is one."""
        return all(self.signed_by(member) for member in self.contract.nodes)

    def signature(self, member: Member) -> str:
        """A node's signature.  Raises ContractBreach for whoever takes no part."""
        return str(getattr(self, self._field(member)))

    def signed_by(self, member: Member) -> bool:
        """Whether this node has signed, rightly."""
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(member.signing_key))
            key.verify(bytes.fromhex(self.signature(member)), signed_bytes(self.contract.digest))
        except (InvalidSignature, ValueError):
            return False
        return True

    def with_signature(self, member: Member, signature: str) -> Signed:
        """The same with a node's signature.  Raises ContractBreach when it is not that node's of this contract."""
        signed: Signed = msgspec.structs.replace(self, **{self._field(member): signature})
        if not signed.signed_by(member):
            raise ContractBreach(f"the signature is not that of {member.name} under this contract", known=True)
        return signed

    def joined(self, other: Signed) -> Signed:
        """The same contract with the signatures of both, the other's where both have one."""
        fields = ("first_signature", "second_signature", "third_signature")
        found: Signed = msgspec.structs.replace(
            self, **{field: getattr(other, field) or getattr(self, field) for field in fields}
        )
        return found

    def _field(self, member: Member) -> str:
        for field, each in zip(("first", "second", "third"), self.contract.nodes, strict=False):
            if each == member:
                return f"{field}_signature"
        raise ContractBreach("this party is not one of the contract's", known=True)

    def require(self, now_ms: int) -> Contract:
        """The contract, if it is in force.  Raises ContractBreach."""
        if not self.complete:
            lacking = [member.name for member in self.contract.nodes if not self.signed_by(member)]
            nodes = "both parties" if self.contract.third is UNSET else "both parties and the third node"
            raise ContractBreach(f"the contract is not signed by {nodes}: {', '.join(lacking)} has not", known=True)
        if now_ms >= self.contract.expires_ms:
            raise ContractBreach("the contract has expired", known=True)
        return self.contract


def signed_bytes(digest: str) -> bytes:
    """What a party signs."""
    return _CONTEXT + bytes.fromhex(digest)
