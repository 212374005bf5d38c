"""The part of the second engine that runs beside SPU, in a process and, where wanted, an interpreter of its own.

Nothing here imports the rest of this project: an environment with `requirements-spu.lock` alone is enough.  The process has no
key, no certificate and no network connection, and gives up what could get it one (`confinement`); what goes to another node
goes through an inherited socket to the node's own process, which sends it over its link (mutual TLS, pinned certificates).

    folder/job.json      what to compute: see `tarim.federation.second_engine.jobs.Job`
    folder/*.npy         this node's own columns and labels, or identifiers; at a custodian nothing
    folder/out/*.npy     what comes of it: this node's part, never a shared value in the clear
    standard output      a JSON object a line: {"confined": {...}}, {"progress": [phase, done, all]}, at the end {"done": {...}}
                         or {"failed": why}
    standard input       its end means that the node's process is gone: so is this one
"""
