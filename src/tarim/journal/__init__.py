"""The journal: the durable, ordered log of everything that influenced a decision; the only truth.

Every other state in the house can be rebuilt by reading it from the start.  A record takes `count` positions (a block of
256 events takes 256), and a position, once committed, never changes: each block carries a digest over its content and
the digest of the block before it, so a torn tail, damage and tampering are found and told apart.

    journal = Journal.open(folder, JournalLimits())     one writer; says in .recovery what a crash had torn
    journal.reserve(bytes_count)                        before deciding: refuses when the disk is full
    first_seq = journal.append(kind, parts, count)      written, not yet durable
    journal.commit()                                    durable; may run in another thread
    for record in journal.read(from_seq): ...           what is durable, in order

Readers in other processes use `FolderReader`.  `JournalWriter` and `JournalReader` are the ports that other logs
(Kafka, PostgreSQL) implement.
"""

from tarim.journal.adapters.files import Journal
from tarim.journal.adapters.inspection import JournalInfo, SegmentInfo, describe, verify
from tarim.journal.adapters.reading import FolderReader
from tarim.journal.domain.values import Finding, JournalLimits, Record, Recovery, VerifyReport
from tarim.journal.ports import JournalReader, JournalWriter, Part

__all__ = [
    "Finding",
    "FolderReader",
    "Journal",
    "JournalInfo",
    "JournalLimits",
    "JournalReader",
    "JournalWriter",
    "Part",
    "Record",
    "Recovery",
    "SegmentInfo",
    "VerifyReport",
    "describe",
    "verify",
]
