"""A party's node: what it has, whom it knows, what was agreed, what was computed.

contract       what two parties agreed to compute, signed by both
terms          what a contract may have computed, with which parameters
data_sets      a party's own data sets, registered by digest
book           the node's database: peers, data sets, contracts, runs
conversations  what two nodes say to each other before, between and instead of computing
computing      what a contract names, done on a session
models         this side's part of a joint model, sealed on disk
transcripts    what was done, signed
home           a node's folder, open; the following stand on it
agreements     contracts proposed, received, signed
records        runs written down, from their first note to their transcript
runs           contracts carried out
assisting      what is computed along as a third node
stocking       what is made ahead
questions      what is asked and answered
party          all of it put together
"""
