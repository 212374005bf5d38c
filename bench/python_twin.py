"""The reference workload in plain Python, as a competent programmer writes it: lists, dicts, running totals.

It is the speed baseline "plain-Python twin".  Everything is incremental: one list of past events per entity shared by all
its windows, a start index, integer totals and multiplicities per window, one list of peaks for all maxima.  Exact for
input ordered by time (ties as the journal orders them); late events are outside it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable

from tarim.stream import Col

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PAYER_WINDOWS = (MINUTE, 10 * MINUTE, HOUR, DAY, 7 * DAY, 30 * DAY)
PAYEE_WINDOWS = (10 * MINUTE, HOUR, DAY, 7 * DAY)
DEVICE_WINDOWS = (HOUR, DAY, 7 * DAY)
ADDRESS_WINDOWS = (HOUR, DAY)
TRIM_AT = 512
"""How many expired events a list may carry before they are cut off."""
NAN = math.nan

Multiplicities = dict[int, int]


def _forget(times: Multiplicities, value: int) -> None:
    """One occurrence of a value less; absent values (0) were never counted."""
    if value:
        if times[value] == 1:
            del times[value]
        else:
            times[value] -= 1


class Payer:
    """Everything known of one paying account."""

    __slots__ = ("devices", "last", "past", "payees", "peaks", "seen", "squares", "starts", "sums")

    def __init__(self) -> None:
        self.past: list[tuple[int, int, int, int]] = []
        self.starts = [0] * 6
        self.sums = [0] * 6
        self.squares = [0] * 6
        self.payees: list[Multiplicities] = [{}, {}, {}, {}, {}]
        self.devices: Multiplicities = {}
        self.peaks: list[int] = []
        self.seen: dict[int, int] = {}
        self.last: int | None = None

    def expire(self, window: int, now: int) -> None:
        past, limit = self.past, now - PAYER_WINDOWS[window]
        start, end = self.starts[window], len(past)
        while start < end:
            at, fen, payee, device = past[start]
            if at > limit:
                break
            self.sums[window] -= fen
            if window >= 2:
                if window >= 4:
                    self.squares[window] -= fen * fen
                if window <= 4:
                    _forget(self.payees[window], payee)
                if window == 4:
                    _forget(self.devices, device)
            start += 1
        self.starts[window] = start

    def trim(self) -> None:
        cut = self.starts[5]
        del self.past[:cut]
        self.peaks = [place - cut for place in self.peaks if place >= cut]
        self.starts = [start - cut for start in self.starts]

    def add(self, now: int, fen: int, payee: int, device: int) -> list[float]:
        past, starts, sums, squares, peaks, payees = (
            self.past, self.starts, self.sums, self.squares, self.peaks, self.payees,
        )  # fmt: skip
        for window, start in enumerate(starts):
            if start < len(past) and past[start][0] <= now - PAYER_WINDOWS[window]:
                self.expire(window, now)
        if starts[5] > TRIM_AT:
            self.trim()
            starts, peaks = self.starts, self.peaks
        while peaks and past[peaks[-1]][1] <= fen:
            peaks.pop()
        peaks.append(len(past))
        past.append((now, fen, payee, device))
        end = len(past)
        for window in (0, 1, 2, 3, 4, 5):
            sums[window] += fen
        square = fen * fen
        squares[4] += square
        squares[5] += square
        if payee:
            for times in payees[2:]:
                times[payee] = times.get(payee, 0) + 1
        devices = self.devices
        if device:
            devices[device] = devices.get(device, 0) + 1
        out: list[float] = []
        for window in (0, 1, 2, 3, 4):
            start, total = starts[window], sums[window]
            count = end - start
            peak = past[peaks[bisect_left(peaks, start)]][1]
            out += (count, total, total / count, peak)
        count, total = end - starts[4], sums[4]
        out.append(math.sqrt(count * squares[4] - total * total) / count)
        last, self.last = self.last, now
        out += (len(payees[2]), len(payees[3]), len(payees[4]), len(devices))
        out.append(NAN if last is None or now - last >= 30 * DAY else now - last)
        count, total = end - starts[5], sums[5]
        spread = count * squares[5] - total * total
        out.append((fen * count - total) / math.sqrt(spread) if spread else 0.0)
        if payee:
            before = self.seen.get(payee)
            out.append(1.0 if before is None or now - before >= 30 * DAY else 0.0)
            self.seen[payee] = now
        else:
            out.append(NAN)
        return out

    def spent_day(self, now: int) -> int:
        """Amount paid in the last 24 hours."""
        self.expire(3, now)
        return self.sums[3]


class Crowd:
    """Who used something (a payee account, a device, an address) over several windows, and for how much."""

    __slots__ = ("past", "payers", "starts", "sums", "windows")

    def __init__(self, windows: tuple[int, ...]) -> None:
        self.windows = windows
        self.past: list[tuple[int, int, int]] = []
        self.starts = [0] * len(windows)
        self.sums = [0] * len(windows)
        self.payers: list[Multiplicities] = [{} for _ in windows]

    def add(self, now: int, fen: int, payer: int) -> None:
        past, starts, sums = self.past, self.starts, self.sums
        past.append((now, fen, payer))
        for window, times in enumerate(self.payers):
            start, limit = starts[window], now - self.windows[window]
            while past[start][0] <= limit:
                _, gone_fen, gone = past[start]
                sums[window] -= gone_fen
                _forget(times, gone)
                start += 1
            starts[window] = start
            sums[window] += fen
            if payer:
                times[payer] = times.get(payer, 0) + 1
        cut = starts[-1]
        if cut > TRIM_AT:
            del past[:cut]
            self.starts = [start - cut for start in starts]


class Twin:
    """The 46 features of one event after another."""

    def __init__(self) -> None:
        self.payers: dict[int, Payer] = {}
        self.payees: dict[int, Crowd] = {}
        self.devices: dict[int, Crowd] = {}
        self.addresses: dict[int, Crowd] = {}

    def add(self, event: list[int]) -> list[float]:
        """Features of the next event, a row of words; its time is not before the last one's."""
        now, fen = event[Col.OCCURRED_MS], event[Col.AMOUNT_FEN]
        account, payee, device, address = event[Col.ACCOUNT], event[Col.PAYEE], event[Col.DEVICE], event[Col.ADDRESS]
        if account:
            payer = self.payers.get(account)
            if payer is None:
                payer = self.payers[account] = Payer()
            out = payer.add(now, fen, payee, device)
        else:
            out = [NAN] * 28
        if payee:
            crowd = self.payees.get(payee)
            if crowd is None:
                crowd = self.payees[payee] = Crowd(PAYEE_WINDOWS)
            crowd.add(now, fen, account)
            end = len(crowd.past)
            for start, total, users in zip(crowd.starts, crowd.sums, crowd.payers, strict=True):
                out += (end - start, total, len(users))
            spender = self.payers.get(payee)
            out.append(crowd.sums[2] / ((spender.spent_day(now) if spender else 0) + 100))
        else:
            out += [NAN] * 13
        if device:
            crowd = self.devices.get(device)
            if crowd is None:
                crowd = self.devices[device] = Crowd(DEVICE_WINDOWS)
            crowd.add(now, 0, account)
            out += (len(crowd.payers[1]), len(crowd.payers[2]), len(crowd.past) - crowd.starts[0])
        else:
            out += [NAN] * 3
        if address:
            crowd = self.addresses.get(address)
            if crowd is None:
                crowd = self.addresses[address] = Crowd(ADDRESS_WINDOWS)
            crowd.add(now, 0, account)
            out += (len(crowd.payers[0]), len(crowd.payers[1]))
        else:
            out += [NAN] * 2
        return out


def features_of(events: Iterable[list[int]]) -> list[list[float]]:
    """The 46 features of events ordered by time, from an empty state."""
    twin = Twin()
    return [twin.add(event) for event in events]
