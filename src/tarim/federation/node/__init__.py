"""A party's node: what it has, whom it knows, what was agreed, what was computed.

contract       what two parties agreed to compute, signed by both
data_sets      a party's own data sets, registered by digest
book           the node's database: peers, data sets, contracts, runs
conversations  what two nodes say to each other before, between and instead of computing
computing      what a contract names, done on a session
models         this side's part of a joint model, sealed on disk
transcripts    what was done, signed
party          all of it put together in one folder
"""
