"""`tarim decisions show`, `tarim decisions rebuild` and `tarim decisions explain EVENT_ID`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

_EventId = Annotated[str, typer.Argument(help="The source's id of the event. 事件编号。", show_default=False)]
_Source = Annotated[str, typer.Option(help="The system that sent it. 来源系统。")]
_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]


def register(app: typer.Typer) -> None:
    """Add the group `decisions`."""
    group = typer.Typer(no_args_is_help=True, help="Look up past decisions. 查询历史决策。")
    group.command("show")(show_command)
    group.command("rebuild")(rebuild_command)
    group.command("explain")(explain_command)
    app.add_typer(group, name="decisions")


def show_command(event_id: _EventId, source: _Source, data: _Data = Path("var/tarim")) -> None:
    """Print a decision as it was answered; works beside a running service. 按当时答复显示决策。"""
    import os

    import msgspec

    from tarim.api import Answers
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.rebuilding import Archive
    from tarim.bootstrap.settings import settings_of

    archive = Archive(settings_of(data, os.environ), Places(data))
    decided = archive.find(source, event_id)
    typer.echo(
        msgspec.json.format(Answers(archive.explainer, archive.score_explainer).bytes_of(decided, fine=True)).decode()
    )


def rebuild_command(
    event_id: _EventId,
    source: _Source,
    data: _Data = Path("var/tarim"),
    at: Annotated[
        int | None, typer.Option(min=0, help="Its position in the journal, if that is known. 日志位置（如已知）。")
    ] = None,
    report: Annotated[
        bool,
        typer.Option(
            "--report", help="For programs: progress and outcome as JSON lines. 供程序调用：以 JSON 行报告进度与结果。"
        ),
    ] = False,
    nice: Annotated[int, typer.Option(min=0, max=19, help="Lower its priority by this. 降低优先级。")] = 0,
) -> None:
    """Make a decision once more from the journal and compare. 由日志重建决策并比对。

    Status 0: identical. Status 1: different.
    """
    import os

    from tarim.base.errors import InputError, TarimError
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.rebuilding import Archive
    from tarim.bootstrap.settings import settings_of
    from tarim.decisions import outcome_of, score_of

    os.nice(nice)
    try:
        archive = Archive(settings_of(data, os.environ), Places(data))
        recorded = archive.find(source, event_id) if at is None else archive.at(at)
        if (recorded.source, recorded.event_id) != (source, event_id):
            raise InputError("another event lies at that position")
        rebuilt = archive.rebuild(recorded, _tell if report else lambda _done, _of: None)
    except TarimError as error:
        if report:
            _report({"code": error.code, "detail": error.detail})
        raise
    if report:
        score = score_of(rebuilt.again)
        outcome = outcome_of(rebuilt.again).name.lower()
        features = [None if math.isnan(value) else value for value in rebuilt.features.values()]
        again = None if math.isnan(score) else score
        _report({"identical": rebuilt.equal, "outcome": outcome, "score": again, "features": features})
    else:
        for name, value in rebuilt.features.items():
            typer.echo(f"  {name:40} {value:.10g}")
        for word, decision in (("recorded", rebuilt.recorded.decision), ("rebuilt", rebuilt.again)):
            typer.echo(f"{word:9} {outcome_of(decision).name.lower():10} score {score_of(decision):.10g}")
        typer.echo("identical, 一致" if rebuilt.equal else "DIFFERENT, 不一致")
    if not rebuilt.equal:
        raise typer.Exit(1)


def _tell(done: int, of: int) -> None:
    _report({"done": done, "of": of})


def _report(line: dict[str, object]) -> None:
    import json

    typer.echo(json.dumps(line))


def explain_command(event_id: _EventId, source: _Source, data: _Data = Path("var/tarim")) -> None:
    """Say what made up a decision's score, feature by feature. 说明评分由哪些因素构成。

    From what was kept with the decision, else from the journal, exactly. Log odds: above 0 raises the score.
    """
    import os

    from tarim.base.errors import NotFound
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.rebuilding import Archive
    from tarim.bootstrap.settings import settings_of
    from tarim.decisions import score_of

    archive = Archive(settings_of(data, os.environ), Places(data))
    decided = archive.find(source, event_id)
    score = score_of(decided.decision)
    if math.isnan(score):
        raise NotFound("no model judged this event, so there is no score to explain")
    found = archive.explain(decided)
    for part in found.parts:
        typer.echo(f"{part.contribution:+10.4f}  {part.feature:36}  {part.sentence.zh}  {part.sentence.en}")
    total = found.expected + sum(part.contribution for part in found.parts)
    typer.echo(f"{found.expected:+10.4f}  {'':36}  训练样本平均  mean of the training rows")
    typer.echo(f"{total:+10.4f}  {'':36}  合计  sum; raw score {found.raw:+.4f}, score {score:.10g}")
