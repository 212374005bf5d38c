"""`tarim models train|tune|compare|report|runs`: from a signed training set to a model, in the name of TARIM_KEY's person."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tarim.cli._wall_time import wall_time

if TYPE_CHECKING:
    from tarim.bootstrap.audit import LocalAct
    from tarim.bootstrap.training import Laboratory
    from tarim.models import Plan, RunRecord

_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
_DATA: Final = Path("var/tarim")
_Json = Annotated[bool, typer.Option("--json", help="Print it as JSON. 以 JSON 输出。")]
_Set = Annotated[
    str, typer.Argument(help="The training set's digest, or how it begins. 训练集摘要或其开头。", show_default=False)
]
_Run = Annotated[str, typer.Argument(help="The run, or how its id begins. 训练运行编号或其开头。", show_default=False)]
_PlanFile = Annotated[
    Path | None,
    typer.Option("--plan", help="What to do, TOML; options below go before it. 训练方案文件。", show_default=False),
]
_Kind = Annotated[str | None, typer.Option(help="lightgbm, logistic or woe. 模型类型。", show_default=False)]
_Seed = Annotated[int | None, typer.Option(help="The same seed gives the same model. 随机种子。", show_default=False)]
_Set_ = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A parameter, such as num_trees=300; may be repeated. 参数，可重复。", show_default=False
    ),
]
_Processes = Annotated[int, typer.Option(help="Processes at a time. 并行进程数。")]
_Memory = Annotated[int, typer.Option(help="MiB of memory each process may use. 每个进程的内存上限（MiB）。")]
_Nice = Annotated[int, typer.Option(help="How much it gives way to others, 0 to 19. 让出处理器的程度。")]
_Report = Annotated[bool, typer.Option("--report/--no-report", help="Draw the report too. 是否同时生成报告。")]

STAGES: Final = {
    "load": ("read and check the training set", "读取并核验训练集"),
    "look": ("look at the features", "分析特征"),
    "tune": ("look for parameters", "搜索参数"),
    "fit": ("fit", "训练"),
    "measure": ("measure", "评估"),
    "cross-validate": ("cross-validate", "交叉验证"),
    "report": ("draw the report", "生成报告"),
}


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("train")(train_command)
    group.command("tune")(tune_command)
    group.command("compare")(compare_command)
    group.command("choose")(choose_command)
    group.command("report")(report_command)
    group.command("runs")(runs_command)


def train_command(
    dataset: Annotated[
        str, typer.Argument(help="The training set's digest, or how it begins. 训练集摘要或其开头。")
    ] = "",
    data: _Data = _DATA,
    plan: _PlanFile = None,
    kind: _Kind = None,
    seed: _Seed = None,
    parameter: _Set_ = None,
    again: Annotated[
        str, typer.Option(help="Do this run once more from its record, and compare. 按记录重做一次训练并比对。")
    ] = "",
    processes: _Processes = 1,
    memory_mib: _Memory = 4096,
    nice: _Nice = 10,
    report: _Report = True,
) -> None:
    """Train a model; it is signed, recorded, and can be repeated. 训练模型，全程签名留痕，可复现。

    Learns on the training part, chooses on the validation part, measures once on the test part. With --again, status 1: the
    model came out differently.
    """
    from tarim.base.errors import InputError
    from tarim.models import Caps

    if bool(dataset) == bool(again):
        raise InputError("name a training set, or a run with --again")
    caps = Caps(processes, memory_mib, 1, nice)
    laboratory = _laboratory(data)
    with _recorded(data, "models.train") as act, _stages() as stage:
        if again:
            done = laboratory.again(again, caps, stage)
            act.kind, act.id = "run", done.record.run_id
        else:
            folder, record = laboratory.train(
                dataset, _plan(plan, kind, seed, parameter), caps, report=report, stage=stage
            )
            act.kind, act.id = "run", record.run_id
    if not again:
        _tell(record, folder)
        return
    changed = f" (changed since 此后有变: {', '.join(done.changed)})" if done.changed else ""
    if not done.same:
        typer.echo(f"{done.record.run_id}: ANOTHER model came out{changed}. 重做所得模型不同。")
        raise typer.Exit(1)
    typer.echo(f"{done.record.run_id}: the same model, {done.record.model[:16]}{changed}. 重做所得模型一致。")


def tune_command(
    dataset: _Set,
    data: _Data = _DATA,
    plan: _PlanFile = None,
    kind: _Kind = None,
    seed: _Seed = None,
    parameter: _Set_ = None,
    trials: Annotated[int, typer.Option(help="At most so many sets of parameters. 最多尝试的参数组数。")] = 30,
    seconds: Annotated[float, typer.Option(help="Begin no round after so many seconds. 时间预算（秒）。")] = 600,
    processes: _Processes = 1,
    memory_mib: _Memory = 4096,
    nice: _Nice = 10,
    report: _Report = True,
) -> None:
    """Look for better parameters within a budget, then train with the best. 在预算内调参，并以最优参数训练。

    Judged by cross-validation before the test part, which stays unseen; what the plan sets stays as it is.
    """
    from tarim.models import Budget, Caps

    caps = Caps(processes, memory_mib, 1, nice)
    wanted = _plan(plan, kind, seed, parameter)
    laboratory = _laboratory(data)
    with _recorded(data, "models.tune") as act, _stages() as stage:
        folder, record = laboratory.train(dataset, wanted, caps, Budget(trials, seconds), report=report, stage=stage)
        act.kind, act.id = "run", record.run_id
    assert record.tuning is not None
    best = record.tuning.trials[record.tuning.best]
    typer.echo(
        f"best of {len(record.tuning.trials)} trials: average precision {best.average_precision:.4f} over folds. "
        f"{len(record.tuning.trials)} 组参数中的最优。"
    )
    typer.echo("  " + ", ".join(f"{name}={value:g}" for name, value in sorted(best.params.items())))
    _tell(record, folder)


def compare_command(
    runs: Annotated[
        list[str], typer.Argument(help="Two runs or more; others are set against the first. 训练运行编号。")
    ],
    data: _Data = _DATA,
    as_json: _Json = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for a page with a chart, too. 另存网页与图片的目录。", show_default=False),
    ] = None,
) -> None:
    """Set runs side by side, with paired differences where they share a test part. 对比训练运行，差异按配对自助法给出区间。

    With --out also as a page: quality and time of each run, and what was set differently.
    """
    from rich.console import Console
    from rich.table import Table

    laboratory = _laboratory(data)
    with _stages() as stage:
        found = laboratory.compare(runs, stage)
    if out is not None:
        typer.echo(f"{laboratory.comparison(found, out)}", err=as_json)
    if as_json:
        listed: list[dict[str, Any]] = [
            {
                "run": each.record.run_id,
                "kind": each.record.kind,
                "measures": {name: _plain(value) for name, value in each.record.metrics.measures.items()},
                "better_by": {name: _plain(value) for name, value in each.differences.items()},
                "why_not": each.why_not,
            }
            for each in found
        ]
        typer.echo(json.dumps(listed, ensure_ascii=False))
        return
    table = Table("figure\n指标", *(f"{each.record.run_id}\n{each.record.kind}" for each in found))
    for name in found[0].record.metrics.measures:
        cells = []
        for each in found:
            cell = _with_interval(each.record.metrics.measures.get(name))
            if name in each.differences:
                cell += f"\n{_signed(each.differences[name])}"
            cells.append(cell)
        table.add_row(name, *cells)
    Console(highlight=False, width=max(100, 26 + 34 * len(found))).print(table)
    typer.echo("second line: difference to the first, paired, 95 %; * does not hold 0. 第二行为与首个运行的配对差异。")
    for each in found[1:]:
        if each.why_not:
            typer.echo(f"{each.record.run_id}: {each.why_not}", err=True)


def choose_command(
    run: _Run,
    reason: Annotated[
        str, typer.Option(help="Why this one; in words, for the approver. 选择理由。", show_default=False)
    ],
    over: Annotated[
        list[str] | None,
        typer.Option(
            help="A run it is preferred to; may be repeated. 与之比较的训练运行，可重复。", show_default=False
        ),
    ] = None,
    data: _Data = _DATA,
) -> None:
    """Write down why this run was chosen of those compared; without it no model is submitted. 记录选择理由（提交前必填）。

    Compared are the runs named, and the sets of parameters that `tune` tried for it.
    """
    laboratory = _laboratory(data)
    with _recorded(data, "models.choose") as act, _stages() as stage:
        made = laboratory.choose(run, over or [], reason, stage)
        act.kind, act.id = "run", made.run_id
    typer.echo(f"{made.run_id} chosen by {made.operator.name}. 已记录选择。")
    for line in made.listed():
        typer.echo(f"  {line}")


def report_command(
    run: _Run,
    data: _Data = _DATA,
    out: Annotated[
        Path | None, typer.Option(help="Folder for it; the run's own if not given. 输出目录。", show_default=False)
    ] = None,
) -> None:
    """Draw the report of a run anew: one HTML file and pictures. 重新生成训练报告（单个 HTML 及图片）。"""
    with _stages() as stage:
        page = _laboratory(data).report(run, out, stage)
    typer.echo(f"{page}")


def runs_command(data: _Data = _DATA, as_json: _Json = False) -> None:
    """The runs there are, the latest last. 列出训练运行。

    Status 1: one of them is not as it was signed.
    """
    from rich.console import Console
    from rich.table import Table

    from tarim.base.errors import TarimError

    found = _laboratory(data).runs()
    bad = [(path, each) for path, each in found if isinstance(each, TarimError)]
    good = [each for _, each in found if not isinstance(each, TarimError)]
    if as_json:
        listed = [_summary(record) for record in good] + [
            {"run": path.name, "problem": error.detail} for path, error in bad
        ]
        typer.echo(json.dumps(listed, ensure_ascii=False))
    else:
        heads = (
            "run\n运行",
            "kind\n类型",
            "set\n训练集",
            "AUC",
            "AP",
            "operator\n操作人",
            "began\n开始",
            "s",
            "iterations\n迭代",
        )
        table = Table(*heads)
        for record in good:
            told = _summary(record)
            table.add_row(
                record.run_id,
                record.kind,
                record.dataset[:16],
                _number(told["auc"]),
                _number(told["average_precision"]),
                record.operator.name,
                wall_time(record.started_ms),
                f"{told['seconds']:,.0f}",
                str(record.iterations),
            )
        Console(highlight=False, width=140).print(table)
    for path, error in bad:
        typer.echo(f"{path.name}: {error.detail}", err=True)
    if bad:
        raise typer.Exit(1)


def _recorded(data: Path, act: str) -> AbstractContextManager[LocalAct]:
    """The act on the audit trail."""
    from tarim.bootstrap.audit import recorded
    from tarim.bootstrap.places import Places

    return recorded(Places(data), os.environ, act)


def _laboratory(data: Path) -> Laboratory:
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.bootstrap.training import Laboratory

    settings_of(data, os.environ)
    return Laboratory(Places(data), os.environ)


def _plan(path: Path | None, kind: str | None, seed: int | None, parameters: list[str] | None) -> Plan:
    """The plan of a file, with what the command line says instead."""
    from tarim.base.errors import InputError
    from tarim.models import plan_of, read_plan_values

    values = read_plan_values(path) if path is not None else {}
    if kind is not None:
        values["kind"] = kind
    if seed is not None:
        values["seed"] = seed
    given = dict(values.get("params", {}))
    for text in parameters or []:
        name, equals, number = text.partition("=")
        try:
            given[name] = float(number)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"--set takes name=number, such as num_trees=300, not {text[:64]!r}")
    return plan_of({**values, "params": given})


@contextmanager
def _stages() -> Iterator[Callable[[str], None]]:
    """A line on standard error that says what is being done."""
    from rich.console import Console

    with Console(stderr=True).status("...") as status:

        def stage(name: str) -> None:
            en, zh = STAGES.get(name, (name, ""))
            status.update(f"{en} {zh}")

        yield stage


def _tell(record: RunRecord, folder: Path) -> None:
    metrics = record.metrics
    typer.echo(f"run {record.run_id}, model {record.model[:16]}. 训练完成。")
    typer.echo(f"  {folder / record.model_file}")
    if (folder / "report.html").exists():
        typer.echo(f"  {folder / 'report.html'}")
    named = (("auc", "AUC"), ("average_precision", "average precision"), ("ks", "KS"))
    figures = ", ".join(f"{title} {_with_interval(metrics.measures[name])}" for name, title in named)
    typer.echo(
        f"on the test part ({metrics.rows:,} rows, {metrics.frauds:,} frauds): {figures}. 以上为测试样本上的评估。"
    )
    if record.coverage is not None and record.coverage.rules_only:
        left = ", ".join(f"{each.division}={each.value}" for each in record.coverage.rules_only)
        typer.echo(
            f"left to rules 仅由规则判定: {left}; {record.coverage.test_rows:,} events of the test part 测试事件, "
            f"{record.coverage.test_frauds:,} frauds 欺诈, are in no figure 不计入指标"
        )
    for threshold in record.thresholds:
        title = {"cost": "least cost 成本最低", "capacity": "daily capacity 日处理能力"}[threshold.chosen_by]
        typer.echo(
            f"threshold 阈值 {threshold.score:.5g}: {title}, {threshold.alerts_per_day:,.1f} alerts a day 日均告警"
        )


def _summary(record: RunRecord) -> dict[str, Any]:
    return {
        "run": record.run_id,
        "kind": record.kind,
        "dataset": record.dataset,
        "model": record.model,
        "operator": record.operator.name,
        "started_ms": record.started_ms,
        "seconds": (record.ended_ms - record.started_ms) / 1000,
        "iterations": record.iterations,
        "auc": record.metrics.measures["auc"].value,
        "average_precision": record.metrics.measures["average_precision"].value,
    }


def _plain(measure: Any) -> dict[str, float | None]:
    return {"value": measure.value, "low": measure.low, "high": measure.high}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _with_interval(measure: Any) -> str:
    if measure is None:
        return "-"
    interval = "" if measure.low is None else f" [{measure.low:.4f}, {measure.high:.4f}]"
    return _number(measure.value) + interval


def _signed(measure: Any) -> str:
    """A difference; a star where chance alone hardly makes it."""
    if measure.value is None:
        return "-"
    if measure.low is None:
        return f"{measure.value:+.4f}"
    star = " *" if measure.low > 0 or measure.high < 0 else ""
    return f"{measure.value:+.4f} [{measure.low:+.4f}, {measure.high:+.4f}]{star}"
