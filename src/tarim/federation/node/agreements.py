"""Contracts at this node: proposed, received, signed under four eyes, and held against what this party has."""

from __future__ import annotations

from tarim.base.errors import NotAllowed
from tarim.base.four_eyes import require_person
from tarim.federation.errors import ContractBreach
from tarim.federation.node.book import Kept, Peer
from tarim.federation.node.contract import Contract, Signed, signed_bytes
from tarim.federation.node.conversations import OfferContract, ask
from tarim.federation.node.home import Home
from tarim.federation.node.terms import QueryTerms
from tarim.federation.session import Role


class Agreements:
    """A node's contracts with its peers."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def propose(self, contract: Contract, peer: Peer, person: str) -> None:
        """Write a contract down, here and at the peer; nobody has signed it yet.  Raises DefinitionError, ContractBreach."""
        require_person(person)
        contract.check()
        self.require_own(contract)
        self._home.book.keep(Signed(contract), peer.name, person, self._home.clock.now_ms())
        with self._home.talk(peer) as link:
            ask(link, OfferContract(Signed(contract)))

    def receive(self, signed: Signed, peer: Peer) -> None:
        """Keep what a peer offers: a new contract, or its signature of a known one.  Raises ContractBreach, DefinitionError."""
        contract = signed.contract
        contract.check()
        role = contract.role_of(self._home.certificate)
        if contract.member(role) != self._home.member or contract.member(Role(1 - role)) != peer.member:
            raise ContractBreach(
                "the contract names other parties than this one and the one that offers it", known=True
            )
        self._home.book.keep(Signed(contract), peer.name, "", self._home.clock.now_ms())
        theirs = signed.signature(Role(1 - role))
        if theirs:
            kept = self._home.book.contract(contract.digest).signed
            self._home.book.update_contract(kept.with_signature(Role(1 - role), theirs))
            self._home.registry.deployed(self._home.book.contract(contract.digest))

    def sign(self, digest: str, person: str) -> Kept:
        """Sign a contract for this party and send the signature.

        Raises NotAllowed for the person who wrote it down (four eyes), ContractBreach, Conflict.
        """
        require_person(person)
        kept = self._home.book.contract(digest)
        contract = kept.signed.contract
        if person == kept.author:
            raise NotAllowed(f"{person} wrote the contract: another person has to sign it", known=True)
        self.require_own(contract)
        role = contract.role_of(self._home.certificate)
        signed = kept.signed.with_signature(role, self._home.signer.sign(signed_bytes(contract.digest)).hex())
        self._home.book.update_contract(signed, person)
        self._home.registry.deployed(self._home.book.contract(contract.digest))
        with self._home.talk(self._home.book.peer(kept.peer)) as link:
            ask(link, OfferContract(signed))
        return self._home.book.contract(contract.digest)

    def require_own(self, contract: Contract) -> None:
        """Nothing when what the contract uses of this party's is there and may be used for it.

        Raises ContractBreach, NotFound.
        """
        role = contract.role_of(self._home.certificate)
        wanted = contract.data(role)
        if contract.custodians is not None and contract.custodian(role) != self._home.custodian:
            raise ContractBreach("the contract names another custodian than this party's own", known=True)
        self._home.book.data_set(wanted.data_set).require(wanted, contract.purpose)
        if isinstance(contract.terms, QueryTerms):
            self._home.registry.require_in_use(contract.terms.models)
