"""Everything malformed is refused with field and rule, without its values, and disturbs nothing else."""

import traceback
from pathlib import Path

import pytest

from tarim.base.errors import FieldError, InputError
from tarim.intake import Intake, Refusal, RefusedAt, problem, read_file
from tarim.privacy import Tokenizer
from tests.corpus.malformed import CANARY, File, Message, batches, changed, files, messages
from tests.fakes.clock import FakeClock

MESSAGES, BATCHES, FILES = messages(), batches(), files()


def intake() -> Intake:
    return Intake(Tokenizer(bytes(range(32))), clock=FakeClock(1_800_000_000_000))


def said(error: BaseException) -> str:
    """All an error could tell, chained causes and their texts included."""
    return (
        "".join(traceback.TracebackException.from_exception(error).format_exception_only())
        + repr(error)
        + repr(vars(error))
    )


def check_error(caught: InputError, expected: type[InputError], field: str, rule: str) -> None:
    assert type(caught) is expected
    cause = caught.cause if isinstance(caught, RefusedAt) else caught
    if field:
        assert isinstance(cause, FieldError)
        assert (cause.field, cause.rule) == (field, rule)
    document = problem(caught)
    assert CANARY not in said(caught) and CANARY not in str(document)
    assert caught.__cause__ is None and (caught.__suppress_context__ or caught.__context__ is None)
    assert document["title_zh"] and document["detail"] and 400 <= int(document["status"]) < 500
    if field:
        assert document["rule_zh"], f"no Chinese for {rule!r}"


def test_the_corpus_is_large() -> None:
    assert len(MESSAGES) + len(BATCHES) + len(FILES) >= 300
    names = [one.name for one in MESSAGES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", MESSAGES, ids=lambda case: case.name)
def test_a_malformed_message_is_refused(case: Message) -> None:
    one = intake()
    with pytest.raises(InputError) as caught:
        one.message(case.body)
    check_error(caught.value, case.error, case.field, case.rule)
    assert dict(one.counts) == {caught.value.code: 1}
    assert len(one.message(changed())) == 1, "the next one is taken"


@pytest.mark.parametrize("case", BATCHES, ids=lambda case: case.name)
def test_a_malformed_batch_is_refused_as_a_whole(case: Message) -> None:
    with pytest.raises(InputError) as caught:
        intake().messages(case.body)
    check_error(caught.value, case.error, case.field, case.rule)


def test_a_batch_names_its_first_bad_event() -> None:
    with pytest.raises(RefusedAt) as caught:
        intake().messages(b"[" + b",".join([changed(), changed(), changed(amount_fen=-1), b"{}"]) + b"]")
    assert caught.value.index == 2
    assert problem(caught.value)["index"] == 2


def test_a_group_keeps_what_is_good_in_it() -> None:
    bodies = [case.body for case in MESSAGES[::7]]
    one = intake()
    batch, errors = one.group([changed(event_id="a"), *bodies, changed(event_id="b")])
    assert batch.event_ids == ["a", "b"]
    assert [error is None for error in errors] == [True, *[False] * len(bodies), True]


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.name)
def test_a_malformed_file_is_refused_or_its_bad_rows_are(case: File, tmp_path: Path) -> None:
    path = tmp_path / f"file{case.suffix}"
    path.write_bytes(case.content)
    one = intake()

    def taken() -> tuple[int, list[Refusal]]:
        count, refusals = 0, []
        for batch in read_file(path):
            events, refused = one.table(batch, source=None if "source" in batch.schema.names else "file")
            count += len(events)
            refusals += refused
        return count, refusals

    if case.error is not None:
        with pytest.raises(InputError) as caught:
            taken()
        check_error(caught.value, case.error, case.field, case.rule)
        return
    count, refusals = taken()
    assert tuple(refusal.row for refusal in refusals) == case.refused_rows
    assert {(refusal.field, refusal.rule) for refusal in refusals} == {(case.field, case.rule)}
    assert CANARY not in repr(refusals)
    assert count + len(refusals) in (1, 3)


def test_a_file_that_is_not_there_or_not_known_is_named(tmp_path: Path) -> None:
    from tarim.base.errors import NotFound
    from tarim.intake import UnsupportedFile

    with pytest.raises(NotFound):
        list(read_file(tmp_path / "none.csv"))
    with pytest.raises(NotFound):
        list(read_file(tmp_path, "csv"))
    (tmp_path / "file.xls").write_bytes(b"x")
    with pytest.raises(UnsupportedFile):
        list(read_file(tmp_path / "file.xls"))
