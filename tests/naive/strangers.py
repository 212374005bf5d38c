"""Sweeps by customers whom nobody had seen before, with sets instead of filters and bitmaps."""

from __future__ import annotations

from tarim.stream import Col

FIELDS = tuple(
    int(Col[name])
    for name in ("PAYEE", "MERCHANT", "CITY", "AMOUNT_FEN", "KIND", "CHANNEL", "VERIFICATION", "MERCHANT_CATEGORY",
                 "EXTRA_0", "EXTRA_1", "EXTRA_2", "EXTRA_3")
)  # fmt: skip


class NaiveStrangers:
    """One window, everything known exactly."""

    def __init__(self, values_min):
        self.values_min = values_min
        self.known, self.values, self.sent, self.strange = set(), {}, {}, {}

    def look(self, row, sender):
        """The column that the event completes a sweep of, the last of FIELDS if several, or -1."""
        customer = int(row[Col.CUSTOMER])
        is_new = customer != 0 and customer not in self.known
        self.known.add(customer)
        if sender == 0:
            return -1
        self.sent[sender] = self.sent.get(sender, 0) + 1
        self.strange[sender] = self.strange.get(sender, 0) + is_new
        if not is_new:
            return -1
        found = -1
        for field in FIELDS:
            rest = tuple(int(row[other]) for other in FIELDS if other != field)
            values = self.values.setdefault((sender, field, rest), set())
            values.add(int(row[field]))
            if len(values) >= self.values_min and 4 * self.strange[sender] >= self.sent[sender]:
                found = field
        return found
