"""The second engine: SPU (Apache-2.0), an extra, in a worker process of its own; the rest of the federation does without it.

    ABY3         three nodes, two companies and a custodian who has no data and holds shares only; no two may collude
    CHEETAH      the two companies alone, no dealer; for comparison
    SEMI2K       two companies whose products come from a dealer that is the first company's own process: NOT SECURE, for
                 measuring only; refused unless a flag says so
    RR22, ECDH   set intersection of two companies

    this process                          its peer's process
      worker ═ socket ═ Relay ═ Link ═══ mutual TLS, pinned ═══ Link ═ Relay ═ socket ═ worker

The worker (`spu_worker`) has no network connection and no key: what SPU says to another node goes over this project's own
links, under its node's port, with its pinned certificates, its resuming after a cut and its counting of bytes.  SPU's own
network layer is not used: given a common authority it lets every member pose as any rank.

All protocols here are semi-honest.  Sources: Mohassel, Rindal, "ABY3", CCS 2018; Huang, Lu, Hong, Ding, "Cheetah", USENIX
Security 2022; Raghuraman, Rindal, "Blazing Fast PSI", CCS 2022.
"""
