"""`tarim graph communities|propagate|rings`: who belongs together, out of the journal, as at an instant."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tarim.cli._progress import Bar
from tarim.cli._wall_time import FORMATS, instant, wall_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tarim.graph import Relations, Tag

_Data = Annotated[Path, typer.Option(help="The data folder. 数据目录。")]
_DATA = Path("var/tarim")
_Out = Annotated[Path, typer.Option(help="The CSV file to write. 输出的 CSV 文件。", show_default=False)]
_From = Annotated[
    datetime | None,
    typer.Option("--from", formats=FORMATS, help="Events before it connect nobody, in China. 起（含）。"),
]
_AsAt = Annotated[
    datetime | None,
    typer.Option("--as-at", formats=FORMATS, help="What was known then; now if not given. 时点（不含），默认当前。"),
]
_Relation = Annotated[
    list[str] | None,
    typer.Option(help="transfer, device or address; may be repeated; all if not given. 关系类型，可重复。"),
]
_Hub = Annotated[
    int, typer.Option(help="Elements with more neighbours connect nobody. 邻居超过此数的节点不作关联。", min=1)
]
_Both = Annotated[
    bool, typer.Option("--both-sides", help="A label convicts payer and payee. 欺诈标签同时认定付款方与收款方。")
]
_List = Annotated[
    Path | None,
    typer.Option("--list", help="Write the accounts as a file for `tarim lists import` too. 另存账户名单文件。"),
]
_Start = Annotated[
    list[str] | None,
    typer.Option("--account", help="Token to start from; may be repeated; the convicted if not given. 起点账户令牌。"),
]
_HUB = 200


def register(app: typer.Typer) -> None:
    """Add the group `graph`."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Gangs and rings: communities, risk that flows, what hangs together. 团伙与关联风险。",
    )
    group.command("communities")(communities_command)
    group.command("propagate")(propagate_command)
    group.command("rings")(rings_command)
    app.add_typer(group, name="graph")


def communities_command(
    out: _Out,
    data: _Data = _DATA,
    from_time: _From = None,
    as_at: _AsAt = None,
    relation: _Relation = None,
    hub_max: _Hub = _HUB,
    both_sides: _Both = False,
    entries: _List = None,
    resolution: Annotated[float, typer.Option(help="Higher makes smaller communities. 分辨率，越高社区越小。")] = 1.0,
    size_min: Annotated[int, typer.Option(help="Leave out smaller communities. 社区最小规模。", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the order of visits. 随机种子。", min=0)] = 0,
) -> None:
    """Divide accounts, devices and addresses into communities (Leiden). 社区划分。"""
    with Bar() as bar:
        relations = _relations(data, from_time, as_at, relation, both_sides, bar)
    from tarim.bootstrap.graphing import community_tags
    from tarim.graph import communities

    found = communities(relations, resolution=resolution, hub_max=hub_max, seed=seed)
    kept = int((found.sizes >= size_min).sum()) if len(found.sizes) else 0
    typer.echo(f"communities 社区: {kept:,}; modularity 模块度: {found.modularity:.3f}")
    _write(out, entries, community_tags(relations, found, size_min), relations)


def propagate_command(
    out: _Out,
    data: _Data = _DATA,
    from_time: _From = None,
    as_at: _AsAt = None,
    relation: _Relation = None,
    hub_max: _Hub = _HUB,
    both_sides: _Both = False,
    entries: _List = None,
    account: _Start = None,
    damping: Annotated[float, typer.Option(help="Share of risk passed on at each step. 阻尼系数。")] = 0.85,
    risk_min: Annotated[float, typer.Option(help="Leave out what has less. 最低风险值。", min=0, max=1)] = 0.01,
) -> None:
    """Let risk flow from convicted accounts along relations (personalised PageRank). 风险传播。"""
    with Bar() as bar:
        relations = _relations(data, from_time, as_at, relation, both_sides, bar)
    from tarim.bootstrap.graphing import risk_tags, seeds_of
    from tarim.graph import propagate

    risk = propagate(relations, seeds_of(relations, account or []), damping=damping, hub_max=hub_max)
    _write(out, entries, risk_tags(relations, risk, risk_min), relations)


def rings_command(
    out: _Out,
    data: _Data = _DATA,
    from_time: _From = None,
    as_at: _AsAt = None,
    relation: _Relation = None,
    hub_max: _Hub = _HUB,
    both_sides: _Both = False,
    entries: _List = None,
    account: _Start = None,
    hops: Annotated[
        int, typer.Option(help="Relations away at most; a shared device is 2. 最大跳数。", min=1, max=8)
    ] = 4,
) -> None:
    """List everything within some hops of convicted accounts, with the way to it. 关联扩展，列出环内全部成员。"""
    with Bar() as bar:
        relations = _relations(data, from_time, as_at, relation, both_sides, bar)
    from tarim.bootstrap.graphing import ring_tags, seeds_of
    from tarim.graph import accounts_among, expand

    rings = expand(relations, seeds_of(relations, account or []), hops=hops, hub_max=hub_max)
    accounts = sum(len(accounts_among(relations, ring.members)) for ring in rings)
    typer.echo(f"rings 环: {len(rings):,}; accounts 账户: {accounts:,}")
    _write(out, entries, ring_tags(relations, rings), relations)


def _relations(
    data: Path, from_time: datetime | None, as_at: datetime | None, names: list[str] | None, both_sides: bool, bar: Bar
) -> Relations:
    import os

    from tarim.base.errors import InputError
    from tarim.bootstrap.graphing import Asked, read_relations
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.graph import Relation

    known = {relation.name.lower(): relation for relation in Relation}
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise InputError(f"there is no relation {unknown[0]!r}; there are {', '.join(known)}")
    chosen = frozenset(known[name] for name in names) if names else frozenset(Relation)
    asked = Asked(instant(from_time), instant(as_at), chosen, both_sides)
    relations = read_relations(settings_of(data, os.environ), Places(data), asked, bar.progress)
    typer.echo(
        f"elements 节点: {len(relations):,}; pairs 关系: {len(relations.left):,}; "
        f"convicted 已认定: {int(relations.convicted.sum()):,}; as at 截至: {wall_time(relations.known_from_ms)}"
    )
    return relations


def _write(out: Path, entries: Path | None, tags: Iterable[Tag], relations: Relations) -> None:
    from tarim.graph import Element, write_entries, write_tags

    found = list(tags)
    typer.echo(f"{write_tags(out, found, relations.known_from_ms):,} rows 行: {out}")
    if entries is not None:
        count = write_entries(entries, found, Element.ACCOUNT, relations.known_from_ms)
        typer.echo(f"{count:,} entries 条目: {entries}")
