"""Hidden commands of `tarim names`: what the service starts in processes of their own.

They print JSON (the helper: MessagePack frames) for the program that started them, trouble as `{"code": ..., "detail": ...}`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import Annotated, NoReturn

import typer

from tarim.base.errors import FieldError, TarimError

REPORT_EVERY_S = 0.2
_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
_Nice = Annotated[int, typer.Option(min=0, max=19, help="Niceness of this process. 进程优先级。")]
_DATA = Path("var/tarim")


def helper_command(
    digests: Annotated[list[str], typer.Argument(help="Digests of kept editions. 名单版本摘要。")],
    threshold: Annotated[int, typer.Option(min=50, max=100, help="Least score in hundredths. 最低得分。")],
    data: _Data = _DATA,
) -> None:
    """Answer names on standard input until it ends; for the service. 供服务调用：逐个筛查姓名。"""
    from tarim.bootstrap.name_helper import answer_names
    from tarim.bootstrap.places import Places

    answer_names(Places(data), digests, threshold)


def prepare_command(
    folder: Annotated[Path, typer.Argument(help="Where what is asked lies. 请求所在目录。")],
    data: _Data = _DATA,
    nice: _Nice = 0,
) -> None:
    """Read a publisher's files and keep them as an edition; for the service. 供服务调用：读取名单文件。"""
    import msgspec

    from tarim.bootstrap.name_files import prepare_edition
    from tarim.bootstrap.places import Places

    os.nice(nice)
    try:
        found = prepare_edition(Places(data), folder)
    except TarimError as error:
        _fail(error)
    sys.stdout.buffer.write(msgspec.json.encode(found))


def compare_command(
    after: Annotated[str, typer.Argument(help="Digest of an edition. 名单版本摘要。")],
    before: Annotated[str, typer.Option(help="Digest to compare with. 对比版本摘要。")] = "",
    data: _Data = _DATA,
    nice: _Nice = 0,
) -> None:
    """Compare two kept editions; for the service. 供服务调用：比较两个版本。"""
    import msgspec

    from tarim.bootstrap.name_files import compare_kept
    from tarim.bootstrap.places import Places

    os.nice(nice)
    try:
        found = compare_kept(Places(data), before, after)
    except TarimError as error:
        _fail(error)
    sys.stdout.buffer.write(msgspec.json.encode(found))


def screen_all_command(
    threshold: Annotated[int, typer.Option(min=50, max=100, help="Least score in hundredths. 最低得分。")],
    to_seq: Annotated[int, typer.Option(min=0, help="Journal position. 日志位置。")],
    full: Annotated[bool, typer.Option("--full", help="Everybody against everything. 全量筛查。")] = False,
    data: _Data = _DATA,
    nice: _Nice = 0,
) -> None:
    """Screen all customers and keep the result; for the service. 供服务调用：筛查全部客户。"""
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.rescreening import screen_all

    os.nice(nice)
    last = 0.0

    def progress(done: int, of: int) -> None:
        nonlocal last
        if perf_counter() - last >= REPORT_EVERY_S:
            last = perf_counter()
            print(json.dumps({"done": done, "of": of}), flush=True)

    try:
        digest = screen_all(Places(data), os.environ, threshold, to_seq, full=full, progress=progress)
    except TarimError as error:
        _fail(error)
    print(json.dumps({"digest": digest}), flush=True)


def _fail(error: TarimError) -> NoReturn:
    place = {"field": error.field, "rule": error.rule} if isinstance(error, FieldError) else {}
    print(json.dumps({"code": error.code, "detail": error.detail, **place}, ensure_ascii=False), flush=True)
    raise typer.Exit(1)
