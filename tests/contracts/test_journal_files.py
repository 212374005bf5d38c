"""What the journal on disk promises beyond the port: crashes, damage, full disks, other processes."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.journal import FolderReader, Journal, JournalLimits, describe, verify
from tarim.journal.adapters import files
from tarim.journal.adapters.folder import Mark

LIMITS = JournalLimits(segment_bytes=8192, block_bytes_max=2048, index_stride_bytes=512, free_bytes_min=0)


def fill(folder: Path, records_count: int, *, limits: JournalLimits = LIMITS) -> list[bytes]:
    """A closed journal of several segments, payloads without zero bytes; gives the payloads."""
    payloads = [bytes([1 + index % 255]) * (100 + index * 13 % 300) for index in range(records_count)]
    with Journal.open(folder, limits) as journal:
        for payload in payloads:
            journal.append(1, [payload], 2)
    return payloads


def payloads_of(folder: Path) -> list[bytes]:
    with FolderReader(folder) as reader:
        return [bytes(record.payload) for record in reader.read(reader.first_seq)]


def segments_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


# ------------------------------------------------------------------------------------------------------------- segments


def test_reopening_goes_on_where_it_stopped(folder: Path) -> None:
    expected = fill(folder, 50) + fill(folder, 3)
    with Journal.open(folder, LIMITS) as journal:
        assert journal.recovery.truncated_bytes == 0
        assert journal.next_seq == journal.recovery.next_seq == 106
        assert [bytes(record.payload) for record in journal.read()] == expected
    assert verify(folder).ok


def test_full_segments_are_sealed_cut_to_size_and_read_only(folder: Path) -> None:
    fill(folder, 60)
    *sealed, last = segments_of(folder)
    assert len(sealed) >= 2
    for path in sealed:
        assert stat.S_IMODE(path.stat().st_mode) == 0o440
        assert path.stat().st_size < LIMITS.segment_bytes
    assert last.stat().st_size == LIMITS.segment_bytes
    assert [segment.sealed for segment in describe(folder).segments] == [True] * len(sealed) + [False]


def test_a_crash_between_footer_and_next_segment_is_finished_at_opening(folder: Path) -> None:
    """The footer is there, the file is neither cut nor read-only, and no segment follows."""
    expected = fill(folder, 60)
    last = segments_of(folder)[-1]
    first_of_last = int(last.stem)
    last.unlink()
    (folder / "durable").unlink()
    sealed = segments_of(folder)[-1]
    sealed.chmod(0o640)
    os.truncate(sealed, LIMITS.segment_bytes)
    (folder / "spare.tmp").write_bytes(bytes(100))
    with Journal.open(folder, LIMITS) as journal:
        assert journal.next_seq == first_of_last
        assert not (folder / "spare.tmp").exists()
        assert journal.append(1, [b"next"], 1) == first_of_last
    assert payloads_of(folder) == [*expected[: first_of_last // 2], b"next"]
    assert verify(folder).ok


def test_only_a_commit_waits_for_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An append that goes on in another segment asks nothing of the disk."""
    waits: list[str] = []
    with Journal.open(folder, LIMITS) as journal:
        journal.append(1, [b"x" * 1500], 1)
        for call in ("fsync", "fdatasync", "ftruncate", "posix_fallocate"):
            real = getattr(os, call)
            monkeypatch.setattr(
                files.os, call, lambda *given, call=call, real=real: (waits.append(call), real(*given))[1]
            )
        begun = 0
        for _ in range(40):
            waits.clear()
            before = journal.digest
            journal.reserve(1500)
            journal.append(1, [b"x" * 1500], 1)
            assert journal.digest != before and not waits
            journal.commit()
            begun += "ftruncate" in waits
    assert begun == len(segments_of(folder)) - 1 > 5


def test_a_power_cut_at_any_step_of_a_change_of_segments_loses_nothing_committed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder as it is before each call that changes or syncs it; torn writes are for `properties/test_journal.py`."""
    copies: list[tuple[Path, int, str]] = []
    journal = Journal.open(folder, LIMITS)
    committed = 0

    def keep(call: str) -> None:
        copy = tmp_path / f"copy-{len(copies)}"
        shutil.copytree(folder, copy)
        copies.append((copy, committed, call))

    for call in ("fsync", "fdatasync", "ftruncate", "fchmod", "pwrite", "pwritev"):
        real = getattr(os, call)
        monkeypatch.setattr(files.os, call, lambda *given, call=call, real=real: (keep(call), real(*given))[1])
    for index in range(9):
        journal.append(1, [bytes([index + 1]) * 1500], 1)
        if index % 2:
            committed = journal.commit()
    keep("end")
    monkeypatch.undo()
    journal.close()
    assert {call for _, _, call in copies} == {"fsync", "fdatasync", "ftruncate", "fchmod", "pwrite", "pwritev", "end"}
    for copy, durable, _ in copies:
        with Journal.open(copy, LIMITS) as opened:
            assert opened.next_seq >= durable
            opened.append(1, [b"more"], 1)
        assert payloads_of(copy)[:durable] == [bytes([index + 1]) * 1500 for index in range(durable)]
        assert verify(copy).ok


def test_retention_keeps_the_chain_verifiable(folder: Path) -> None:
    fill(folder, 60)
    digest = verify(folder).digest
    with Journal.open(folder, LIMITS) as journal:
        kept = journal.drop_before(journal.next_seq)
        assert kept == int(segments_of(folder)[0].stem) > 0
    report = verify(folder, expect=digest)
    assert report.ok
    assert report.first_seq == kept
    with Journal.open(folder, LIMITS) as journal:
        assert journal.first_seq == kept


def test_removing_old_segments_by_hand_is_found(folder: Path) -> None:
    fill(folder, 60)
    segments_of(folder)[0].unlink()
    assert "should start at position 0" in str(verify(folder).findings[0])
    with pytest.raises(Damaged, match="should start at 0"):
        Journal.open(folder, LIMITS)


def test_an_interrupted_drop_is_finished_at_opening(folder: Path) -> None:
    fill(folder, 60)
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    with Journal.open(folder, LIMITS) as journal:
        kept = journal.drop_before(40)
    shutil.copy(folder / "anchor", copy / "anchor")  # the anchor was written, nothing removed yet
    assert verify(copy).ok
    with Journal.open(copy, LIMITS) as journal:
        assert journal.first_seq == kept


@pytest.mark.parametrize("text", ["", "12", "0 abc\n", "x" * 70])
def test_a_damaged_anchor_is_named(folder: Path, text: str) -> None:
    fill(folder, 10)
    (folder / "anchor").write_text(text)
    assert "anchor" in str(verify(folder).findings[0])
    with pytest.raises(Damaged, match="anchor"):
        Journal.open(folder, LIMITS)


# --------------------------------------------------------------------------------------------------- crashes and damage


def test_a_torn_tail_is_cut_wherever_the_write_stopped(folder: Path, tmp_path: Path) -> None:
    """Every byte of two uncommitted blocks is a place where the file may have ended, or the write stopped."""
    journal = Journal.open(folder, LIMITS)
    for index in range(3):
        journal.append(1, [bytes([index + 1]) * 150], 1)
    journal.commit()
    committed_end = describe(folder).segments[-1].used_bytes
    journal.append(1, [b"d" * 150], 1)
    journal.append(1, [b"e" * 150], 1)
    used = describe(folder).segments[-1].used_bytes
    name = segments_of(folder)[-1].name
    data = (folder / name).read_bytes()
    mark = (folder / "durable").read_bytes()
    for cut in range(committed_end, used):
        for tag, content in (("file", data[:cut]), ("write", data[:cut].ljust(len(data), b"\0"))):
            copy = tmp_path / f"{tag}-{cut}"
            copy.mkdir()
            (copy / name).write_bytes(content)
            (copy / "durable").write_bytes(mark)
            with Journal.open(copy, LIMITS) as reopened:
                assert 3 <= reopened.next_seq <= 5
                assert reopened.recovery.next_seq == reopened.next_seq
                after = describe(copy).segments[-1].used_bytes
                if tag == "file" and cut > after:
                    assert reopened.recovery.truncated_bytes > 0
                    assert (reopened.recovery.segment, reopened.recovery.offset) == (name, after)
                assert reopened.append(1, [b"again"], 1) == reopened.recovery.next_seq
            assert verify(copy).ok
            assert payloads_of(copy)[:3] == [bytes([index + 1]) * 150 for index in range(3)]
            shutil.rmtree(copy)
    journal.close()


def test_every_changed_byte_of_a_closed_journal_is_found(folder: Path, tmp_path: Path) -> None:
    """Sealed or last segment, header, payload, ending, padding, footer: verify names the segment."""
    limits = JournalLimits(segment_bytes=2048, block_bytes_max=512, index_stride_bytes=512, free_bytes_min=0)
    fill(folder, 6, limits=limits)
    assert len(segments_of(folder)) >= 2
    for path in segments_of(folder):
        used = next(segment.used_bytes for segment in describe(folder).segments if segment.name == path.name)
        original = path.read_bytes()
        path.chmod(0o640)
        for index in range(len(original)):
            changed = bytearray(original)
            changed[index] ^= 0x21
            path.write_bytes(changed)
            report = verify(folder)
            if index < used:
                assert report.findings, f"{path.name} byte {index} of {used}"
                assert path.name in {finding.segment for finding in report.findings}
            else:
                assert report.findings or report.tail_bytes
        path.write_bytes(original)
    assert verify(folder).ok


def test_a_changed_committed_byte_refuses_opening_or_reading_and_touches_nothing(folder: Path) -> None:
    fill(folder, 60)
    opened = refused = 0
    for path in segments_of(folder):
        original = path.read_bytes()
        used = next(segment.used_bytes for segment in describe(folder).segments if segment.name == path.name)
        path.chmod(0o640)
        for index in range(0, used, 61):
            changed = bytearray(original)
            changed[index] ^= 0x21
            path.write_bytes(changed)
            try:
                with Journal.open(folder, LIMITS) as journal:
                    list(journal.read())
                    opened += 1
            except Damaged:
                refused += 1
            assert not verify(folder).ok
            assert path.read_bytes() == changed
        path.write_bytes(original)
        path.chmod(0o440)
    assert refused > 3 * opened  # reading does not look at the few bytes between blocks; verify does


def test_a_tampered_copy_is_found_even_with_its_own_digest_made_right(folder: Path) -> None:
    """Who changes a block and recomputes its digest breaks the chain at the next one."""
    from tarim.journal.domain.blocks import HEADER_BYTES, pack_block, parse_block_header

    fill(folder, 20)
    path = segments_of(folder)[-1]
    data = bytearray(path.read_bytes())
    header = parse_block_header(data, HEADER_BYTES)
    assert header is not None
    start = 2 * HEADER_BYTES
    payload = b"\x07" + bytes(data[start + 1 : start + header.payload_bytes])
    forged, _ = pack_block(header.kind, header.count, header.first_seq, header.durable_seq, header.previous, payload)
    data[HEADER_BYTES:start] = forged
    data[start : start + len(payload)] = payload
    path.write_bytes(data)
    report = verify(folder)
    assert "does not follow the one before it" in report.findings[0].text
    assert report.findings[0].seq == header.first_seq + header.count
    with pytest.raises(Damaged):
        Journal.open(folder, LIMITS)


def test_a_wholly_rewritten_journal_is_found_by_a_digest_kept_elsewhere(folder: Path, tmp_path: Path) -> None:
    fill(folder, 20)
    digest = verify(folder).digest
    fill(folder, 5)
    assert verify(folder, expect=digest).expected_seq == 40
    other = tmp_path / "other"
    fill(other, 25)
    report = verify(other, expect=digest)
    assert not report.ok
    assert "expected digest" in report.findings[-1].text


def test_a_missing_last_segment_is_found_by_the_mark(folder: Path) -> None:
    """An older copy put back, or a lost file: committed positions are missing, nothing is started over."""
    fill(folder, 60)
    segments_of(folder)[-1].unlink()
    assert not verify(folder).ok
    with pytest.raises(Damaged, match="had been committed and are missing"):
        Journal.open(folder, LIMITS)
    for path in segments_of(folder):
        path.unlink()
    with pytest.raises(Damaged, match="no segment is left"):
        Journal.open(folder, LIMITS)


def test_a_missing_middle_segment_is_found(folder: Path) -> None:
    fill(folder, 60)
    segments_of(folder)[1].unlink()
    assert "are missing before this segment" in verify(folder).findings[0].text
    with pytest.raises(Damaged, match="are missing before it"):
        Journal.open(folder, LIMITS)


def test_a_segment_of_a_forked_journal_is_found(folder: Path, tmp_path: Path) -> None:
    """Two copies of one journal went on with other content of the same shape; their segments cannot be exchanged."""
    fork = tmp_path / "fork"
    fill(folder, 3)
    shutil.copytree(folder, fork)
    for target, letter in ((folder, b"a"), (fork, b"b")):
        with Journal.open(target, LIMITS) as journal:
            for _ in range(40):
                journal.append(1, [letter * 500], 1)
    assert [path.name for path in segments_of(folder)] == [path.name for path in segments_of(fork)]
    middle = segments_of(folder)[2]
    middle.chmod(0o640)
    shutil.copyfile(fork / middle.name, middle)
    report = verify(folder)
    assert [(finding.segment, finding.text) for finding in report.findings] == [
        (middle.name, "the segment does not follow the one before it"),
        (segments_of(folder)[3].name, "the segment does not follow the one before it"),
    ]
    with pytest.raises(Damaged, match="does not follow the segment before it"):
        Journal.open(folder, LIMITS)


def test_verify_needs_a_journal(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        verify(tmp_path)
    with pytest.raises(NotFound):
        verify(tmp_path / "nowhere")


def test_a_killed_writer_loses_nothing_committed(folder: Path) -> None:
    """A process is killed while it appends and commits; each printed position had been committed."""
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from tarim.journal import Journal, JournalLimits
        journal = Journal.open(Path({str(folder)!r}), JournalLimits(
            segment_bytes=65536, block_bytes_max=4096, index_stride_bytes=512, free_bytes_min=0))
        for index in range(10**9):
            journal.append(1, [b"%d" % index * 40], 1)
            if index % 3 == 0:
                print(journal.commit(), flush=True)
        """
    )
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            answered = 0
            for _ in range(60):
                answered = int(process.stdout.readline())
            process.kill()
            answered = max([answered, *(int(line) for line in process.stdout if line.strip())])
        with Journal.open(folder) as journal:
            assert journal.next_seq >= answered
            assert sum(record.count for record in journal.read()) == journal.next_seq
        assert verify(folder).ok


# ------------------------------------------------------------------------------------------------- full, read-only, broken


def test_a_full_disk_is_met_at_reserve_and_nothing_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(folder, LIMITS)
    journal.append(1, [b"x" * 1500], 1)
    journal.commit()
    real = os.posix_fallocate

    def full(fd: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "posix_fallocate", full)
    before = sorted(path.name for path in folder.iterdir())
    appended = 1
    with pytest.raises(Unavailable, match="No space left on device"):
        for _ in range(10):
            journal.reserve(1500)
            journal.append(1, [b"y" * 1500], 1)
            appended += 1
    assert 1 < appended < 8
    with pytest.raises(Unavailable):
        journal.append(1, [b"z" * 1500], 1)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert journal.next_seq == appended
    journal.append(1, [b"small"], 1)  # what still fits the room already there goes on
    journal.commit()
    monkeypatch.setattr(files.os, "posix_fallocate", real)
    journal.reserve(1500)  # space was freed: no restart needed
    journal.append(1, [b"z" * 1500], 1)
    journal.close()
    assert verify(folder).ok
    assert len(payloads_of(folder)) == appended + 2


def test_free_space_is_left_for_others(folder: Path) -> None:
    limits = JournalLimits(segment_bytes=8192, block_bytes_max=2048, index_stride_bytes=512, free_bytes_min=1 << 60)
    with pytest.raises(Unavailable, match="is full"):
        Journal.open(folder, limits)
    assert not list(folder.glob("*.seg"))


def test_a_file_size_limit_of_the_process_is_a_clear_refusal(folder: Path) -> None:
    script = textwrap.dedent(
        f"""
        import resource
        from pathlib import Path
        from tarim.base.errors import Unavailable
        from tarim.journal import Journal, JournalLimits
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
        folder = Path({str(folder)!r})
        small = JournalLimits(segment_bytes=65536, block_bytes_max=4096, index_stride_bytes=512, free_bytes_min=0)
        large = JournalLimits(segment_bytes=131072, block_bytes_max=4096, index_stride_bytes=512, free_bytes_min=0)
        Journal.open(folder, small).close()
        journal = Journal.open(folder, large)
        try:
            while True:
                journal.append(1, [b"x" * 4000], 1)
        except Unavailable as error:
            print(journal.next_seq, error.detail)
        journal.close()
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    count, _, text = done.stdout.partition(" ")
    assert "File too large" in text
    assert "Traceback" not in done.stderr
    assert verify(folder).ok
    assert len(payloads_of(folder)) == int(count) > 5


@pytest.mark.parametrize("reason", [errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_folder_that_cannot_be_written_is_a_clear_refusal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    fill(folder, 3)
    real = os.open

    def refusing(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_CREAT | os.O_RDWR | os.O_WRONLY):
            raise OSError(reason, os.strerror(reason))
        return real(path, flags, mode)

    monkeypatch.setattr(files.os, "open", refusing)
    with pytest.raises(Unavailable, match=os.strerror(reason)):
        Journal.open(folder, LIMITS)
    monkeypatch.undo()
    assert verify(folder).ok
    assert len(payloads_of(folder)) == 3


@pytest.mark.parametrize("call", ["fdatasync", "pwritev"])
def test_a_failing_disk_poisons_the_writer_until_reopened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    journal = Journal.open(folder, LIMITS)
    journal.append(1, [b"kept"], 1)
    journal.commit()

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    def trouble() -> None:
        journal.append(1, [b"lost"], 1)
        journal.commit()

    monkeypatch.setattr(files.os, call, broken)
    with pytest.raises(Unavailable, match="Input/output error"):
        trouble()
    monkeypatch.undo()
    for act in (lambda: journal.append(1, [b"x"], 1), journal.commit, lambda: journal.reserve(1)):
        with pytest.raises(Unavailable, match="open it again"):
            act()
    assert journal.durable_seq == 1
    journal.close()
    with Journal.open(folder, LIMITS) as journal:
        assert journal.next_seq in (1, 2)
        assert bytes(journal.read_at(0).payload) == b"kept"
    assert verify(folder).ok


def test_a_short_write_poisons_and_is_cut_at_reopening(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(folder, LIMITS)
    journal.append(1, [b"kept" * 100], 1)
    journal.commit()

    def short(fd: int, buffers: tuple[bytes, ...], offset: int) -> int:
        return os.pwrite(fd, b"".join(buffers)[:300], offset)

    monkeypatch.setattr(files.os, "pwritev", short)
    with pytest.raises(Unavailable, match="stopped"):
        journal.append(1, [b"torn" * 100], 1)
    monkeypatch.undo()
    journal.close()
    with Journal.open(folder, LIMITS) as journal:
        assert journal.recovery.truncated_bytes == 300
        assert "cut a torn tail of 300 bytes" in str(journal.recovery)
        assert journal.next_seq == 1


def test_the_number_of_segments_has_a_limit(folder: Path) -> None:
    limits = JournalLimits(
        segment_bytes=8192, block_bytes_max=2048, index_stride_bytes=512, free_bytes_min=0, segments_max=2
    )
    with Journal.open(folder, limits) as journal:
        with pytest.raises(Unavailable, match="its limit"):
            for _ in range(20):
                journal.append(1, [b"x" * 1500], 1)
        journal.commit()
        assert journal.drop_before(journal.next_seq) > 0
        journal.append(1, [b"x" * 1500], 1)


def test_nothing_is_called_durable_before_the_disk_was_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write is followed by a sync of the same file before a position behind it is published, rolls included."""
    unsynced: dict[int, int] = {}
    published: list[int] = []
    real_write, real_fdatasync, real_fsync = os.pwritev, os.fdatasync, os.fsync

    def write(fd: int, buffers: tuple[bytes, ...], offset: int) -> int:
        unsynced[fd] = unsynced.get(fd, 0) + 1
        return real_write(fd, buffers, offset)

    def fdatasync(fd: int) -> None:
        real_fdatasync(fd)
        unsynced.pop(fd, None)

    def fsync(fd: int) -> None:
        real_fsync(fd)
        unsynced.pop(fd, None)

    def put(mark: Mark, seq: int) -> None:
        assert not unsynced, f"position {seq} is published while writes wait for the disk"
        published.append(seq)
        real_put(mark, seq)

    real_put = Mark.put
    monkeypatch.setattr(files.os, "pwritev", write)
    monkeypatch.setattr(files.os, "fdatasync", fdatasync)
    monkeypatch.setattr(files.os, "fsync", fsync)
    monkeypatch.setattr(Mark, "put", put)
    with Journal.open(folder, LIMITS) as journal:
        for index in range(40):
            journal.append(1, [b"x" * 500], 1)
            if index % 4 == 0:
                assert journal.commit() == index + 1
    assert len(segments_of(folder)) > 2
    assert published == sorted(published)
    assert published[-1] == 40


# ---------------------------------------------------------------------------------------------- one writer, many readers


def test_a_second_writer_is_refused(folder: Path) -> None:
    with Journal.open(folder, LIMITS), pytest.raises(Unavailable, match="another process"):
        Journal.open(folder, LIMITS)
    Journal.open(folder, LIMITS).close()


@pytest.fixture
def follower(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that follows the journal up to position 3000 and prints the sum of what it read."""
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from tarim.journal import FolderReader
        reader = FolderReader(Path({str(folder)!r}))
        print("ready", flush=True)
        seq = total = 0
        while seq < 3000:
            for record in reader.read(seq):
                assert record.first_seq == seq
                assert bytes(record.payload) == b"%d" % seq * 30
                seq = record.next_seq
                total += record.first_seq
        print(total, flush=True)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_reader_in_another_process_follows_across_segments(folder: Path, follower: subprocess.Popen[str]) -> None:
    assert follower.stdout is not None
    with Journal.open(folder, LIMITS) as journal:
        follower_ready = follower.stdout.readline().strip()
        assert follower_ready == "ready"
        for index in range(3000):
            journal.append(1, [b"%d" % index * 30], 1)
            if index % 7 == 0:
                journal.commit()
    assert int(follower.stdout.readline()) == sum(range(3000))
    assert len(segments_of(folder)) > 40


def test_commits_of_many_threads_share_the_disk(folder: Path) -> None:
    """Appending goes on while other threads commit; each finds its own record durable afterwards."""
    with Journal.open(folder, LIMITS) as journal:
        lock = threading.Lock()
        troubles: list[str] = []

        def work(name: int) -> None:
            for index in range(40):
                with lock:
                    seq = journal.append(1, [b"%d-%d" % (name, index)], 1)
                journal.commit()
                if journal.durable_seq <= seq or bytes(journal.read_at(seq).payload) != b"%d-%d" % (name, index):
                    troubles.append(f"{name} {index}")

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert troubles == []
        assert journal.durable_seq == journal.next_seq == 160
    assert verify(folder).ok


def test_records_stay_valid_after_retention_and_close(folder: Path) -> None:
    expected = fill(folder, 60)
    journal = Journal.open(folder, LIMITS)
    records = list(journal.read())
    journal.drop_before(journal.next_seq)
    journal.close()
    assert [bytes(record.payload) for record in records] == expected


def test_a_copy_without_a_mark_reads_up_to_its_last_whole_block(folder: Path) -> None:
    expected = fill(folder, 30)
    (folder / "durable").unlink()
    assert payloads_of(folder) == expected
    assert verify(folder).ok
