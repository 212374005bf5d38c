"""The index of accepted events as a dictionary: slow, obvious, and the twin of tarim.decisions.seen."""

from __future__ import annotations

NEW, SAME, OTHER = 0, 1, 2


class NaiveSeen:
    """Same promises as Seen, one event at a time."""

    def __init__(self, events_max: int) -> None:
        self.events_max = events_max
        self.entries: dict[int, tuple[int, int]] = {}
        self.floor_seq = 0

    def put(self, keys: list[int], contents: list[int], next_seq: int) -> list[tuple[int, int]]:
        """(state, seq) of each event."""
        self.floor_seq = max(self.floor_seq, next_seq - self.events_max)
        answers = []
        for key, content in zip(keys, contents, strict=True):
            known = self.entries.get(key)
            if known is not None and known[1] >= self.floor_seq:
                answers.append((SAME if known[0] == content else OTHER, known[1]))
                continue
            self.entries[key] = (content, next_seq)
            answers.append((NEW, next_seq))
            next_seq += 1
        return answers
