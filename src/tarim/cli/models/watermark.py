"""`tarim models watermark embed|rows|verify`: a mark by which a copy is known from its answers alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_Data = Annotated[Path, typer.Option(help="The data folder, whose master key it is. 数据目录（使用其主密钥）。")]
_DATA = Path("var/tarim")
_Marked = Annotated[
    str,
    typer.Argument(
        help="A run, or how its id begins, or a marked model's file. 训练运行编号或其开头，或带水印的模型文件。",
        show_default=False,
    ),
]


def register(group: typer.Typer) -> None:
    """Add the group `watermark`."""
    marks = typer.Typer(no_args_is_help=True, help="Recognise copies of a model. 识别被复制的模型。")
    marks.command("embed")(embed_command)
    marks.command("rows")(rows_command)
    marks.command("verify")(verify_command)
    group.add_typer(marks, name="watermark")


def embed_command(
    model: Annotated[Path, typer.Argument(help="A model file. 模型文件。", show_default=False)],
    out: Annotated[
        Path, typer.Argument(help="The marked file; its mark lies beside it. 输出文件。", show_default=False)
    ],
    data: _Data = _DATA,
    strength: Annotated[float, typer.Option(help="How far answers lean, log odds. 水印强度（对数几率）。")] = 0.75,
) -> None:
    """Mark a model file that was not trained here; runs are marked as they are trained. 为外来模型文件加水印。"""
    import os

    from tarim.bootstrap.marks import mark_file, mark_key
    from tarim.bootstrap.places import Places

    mark = mark_file(model, out, mark_key(Places(data), os.environ), strength)
    typer.echo(f"{out}: marked 已加水印, {mark.marked[:16]}; {len(mark.rows)} rows to ask 个查询样本, {out}.mark.json")


def rows_command(marked: _Marked, data: _Data = _DATA) -> None:
    """Print the rows to ask a suspect, as CSV. 输出用于查询可疑模型的样本（CSV）。"""
    import os

    from tarim.bootstrap.marks import MarkedModel
    from tarim.bootstrap.places import Places

    typer.echo(MarkedModel(Places(data), os.environ, marked).rows_csv(), nl=False)


def verify_command(
    marked: _Marked,
    data: _Data = _DATA,
    answers: Annotated[
        Path | None,
        typer.Option(
            help="The suspect's probabilities, one a line. 可疑模型的答复，每行一个概率。", show_default=False
        ),
    ] = None,
    suspect: Annotated[
        Path | None, typer.Option(help="The suspect's model file. 可疑模型文件。", show_default=False)
    ] = None,
    url: Annotated[
        str, typer.Option(help="The suspect's scoring service. 可疑的评分服务地址。", show_default=False)
    ] = "",
) -> None:
    """Say whether a suspect is a copy, by its answers. 依据答复判断是否为复制品。

    Status 0: a copy. Status 1: foreign, or not to be told apart from chance.
    """
    import os

    from tarim.base.errors import InputError
    from tarim.bootstrap.marks import MarkedModel, answers_of_file
    from tarim.bootstrap.places import Places

    if sum((answers is not None, suspect is not None, bool(url))) != 1:
        raise InputError("give one of --answers, --suspect and --url")
    model = MarkedModel(Places(data), os.environ, marked)
    if answers is not None:
        given = answers_of_file(answers)
    else:
        given = model.answers_of_model(suspect) if suspect is not None else model.answers_of_url(url)
    verdict = model.judge(given)
    typer.echo(
        f"{'COPY, 复制品' if verdict.copied else 'FOREIGN, 非本机构模型'}: cosine 余弦 {verdict.cosine:+.3f} "
        f"in {verdict.dimensions} dimensions 维; by chance at most 偶然概率不超过 {verdict.chance:.2g}"
    )
    if not verdict.copied:
        raise typer.Exit(1)
