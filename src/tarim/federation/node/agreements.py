"""Contracts at this node: proposed, received, signed under four eyes, and held against what this party has.

A contract of three nodes goes to all of them: each company signs it, and so does the custodian, who accepts by that to compute
along on shares.
"""

from __future__ import annotations

from msgspec import UNSET

from tarim.base.errors import NotAllowed
from tarim.base.four_eyes import require_person
from tarim.federation.errors import ContractBreach
from tarim.federation.node.book import Kept, Peer
from tarim.federation.node.contract import Contract, Member, Signed, signed_bytes
from tarim.federation.node.conversations import OfferContract, ask
from tarim.federation.node.folders import Kind
from tarim.federation.node.home import Home
from tarim.federation.node.scoring import require_columns, scorer
from tarim.federation.node.terms import QueryTerms, ScoreTerms
from tarim.federation.session import Role


class Agreements:
    """A node's contracts with its peers."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def propose(self, contract: Contract, person: str) -> None:
        """Write a contract down, here and at its other nodes; nobody has signed it yet.

        Raises DefinitionError, ContractBreach, PeerLost.
        """
        require_person(person)
        contract.check()
        role = contract.role_of(self._home.certificate)
        self._require_known(contract)
        self.require_own(contract)
        self._home.book.keep(Signed(contract), contract.member(Role(1 - role)).name, person, self._home.clock.now_ms())
        self._send(Signed(contract))

    def receive(self, signed: Signed, peer: Peer) -> None:
        """Keep what a peer offers: a new contract, or its signature of a known one.  Raises ContractBreach, DefinitionError.

        The third node of a contract signs it, and offers none.
        """
        contract = signed.contract
        contract.check()
        others = self._require_known(contract)
        if peer.member not in others:
            raise ContractBreach("the contract is not one of the node that offers it", known=True)
        if contract.third is not UNSET:
            self._require_third(contract, contract.third, peer)
        counterpart = contract.counterpart(self._home.certificate)
        self._home.book.keep(Signed(contract), counterpart.name, "", self._home.clock.now_ms())
        theirs = Signed(contract)
        for member in others:
            if signed.signature(member):
                theirs = theirs.with_signature(member, signed.signature(member))
        self._home.book.update_contract(theirs)
        self._home.registry.deployed(self._home.book.contract(contract.digest))

    def sign(self, digest: str, person: str) -> Kept:
        """Sign a contract for this node and send the signatures that are known here to its other nodes.

        Raises NotAllowed for the person who wrote it down (four eyes), ContractBreach, Conflict, PeerLost.
        """
        require_person(person)
        kept = self._home.book.contract(digest)
        contract = kept.signed.contract
        if person == kept.author:
            raise NotAllowed(f"{person} wrote the contract: another person has to sign it", known=True)
        self._require_known(contract)
        if contract.third != self._home.member:
            self.require_own(contract)
        signature = self._home.signer.sign(signed_bytes(contract.digest)).hex()
        self._home.book.update_contract(kept.signed.with_signature(self._home.member, signature), person)
        signed = self._home.book.contract(contract.digest)
        self._home.registry.deployed(signed)
        self._send(signed.signed)
        return self._home.book.contract(contract.digest)

    def _send(self, signed: Signed) -> None:
        """Have the contract's other nodes keep it."""
        for member in signed.contract.nodes:
            if member != self._home.member:
                with self._home.talk(self._home.book.peer(member.name)) as link:
                    ask(link, OfferContract(signed))

    def _require_known(self, contract: Contract) -> list[Member]:
        """The contract's other nodes, all of them peers with the very certificates and keys.  Raises ContractBreach."""
        others = [member for member in contract.nodes if member != self._home.member]
        known = [peer.member for peer in self._home.book.peers()]
        if len(others) != len(contract.nodes) - 1 or any(member not in known for member in others):
            raise ContractBreach("the contract names other parties than this one and peers that it knows", known=True)
        return others

    def _require_third(self, contract: Contract, third: Member, peer: Peer) -> None:
        """Nothing for a third node that is a custodian, and that brings its signature of a contract known here, no new one."""
        if third == self._home.member and self._home.kind is not Kind.CUSTODIAN:
            raise ContractBreach("this node is no custodian", known=True)
        if third == peer.member:
            self._home.book.contract(contract.digest)

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
        if isinstance(contract.terms, ScoreTerms) and scorer(contract) is role:
            require_columns(contract, self._home.scorecards.get(contract.terms.scorecard))
