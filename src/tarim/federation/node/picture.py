"""A picture of a run: what each side sent, in which step, and what was opened to whom.  SVG, Chinese with English beside it."""

from __future__ import annotations

from html import escape
from typing import Final

from tarim.federation.node.transcripts import Step, Transcript

_STEPS_ZH: Final = {
    "common customers": "求共同客户",
    "session": "建立会话",
    "training": "联合训练",
    "judging": "评估",
    "campaign sums": "密文汇总",
    "encrypted scores": "密文评分",
    "own columns": "本方字段自查",
    "information values": "联合计算信息值",
    "correlations": "联合计算相关系数",
    "cross-validation": "交叉验证",
    "importance": "字段重要性",
    "gain": "各字段分裂增益占比",
    "third node": "与第三节点（仅持分片）",
}
_OPENED_ZH: Final = {
    "information-values": "信息值（每字段一个数）",
    "correlations": "相关系数（每对字段一个数）",
    "campaign-sums": "各组合计与人数",
    "scores": "评分（每位客户一个数）",
    "importance": "字段重要性的评分分布（只有计数）",
    "gain": "各字段的增益占比（每字段一个数）",
    "curve": "评分分布（只有计数）",
    "common-customers": "共同客户名单",
    "splits of the trees": "各树的分裂点（只给所属方）",
}
_WIDTH: Final = 880
_LEFT: Final = 150
_RIGHT: Final = _WIDTH - 150
_ROW: Final = 84
_TOP: Final = 120
_VAULT: Final = 110


def picture(transcript: Transcript, theirs: Transcript | None = None) -> str:
    """The picture of one side's transcript; that side stands on the right.  theirs: the other side's, for its custodian."""
    held = [each for each in (theirs, transcript) if each is not None and each.custody]
    custody = _VAULT * bool(held)
    height = _TOP + _ROW * len(transcript.steps) + custody + 60 + 26 * max(1, len(transcript.opened)) + 70
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="\'Noto Sans CJK SC\', '
        f'\'Microsoft YaHei\', sans-serif" font-size="15">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        *_party(_LEFT, _opposite(transcript), height),
        *_party(_RIGHT, transcript.party, height),
    ]
    for place, step in enumerate(transcript.steps):
        at = _TOP + place * _ROW
        name = _STEPS_ZH.get(step.name, step.name)
        if step.name == "third node":
            parts += _third(at, transcript, step)
            continue
        parts += [
            _text(_WIDTH / 2, at, f"{name} {step.name}", "#1f2937", weight=600),
            _text(_WIDTH / 2, at + 18, f"{step.took_ms / 1e3:.1f} s · {step.rounds} 轮 rounds", "#6b7280", size=12),
            *_arrow(at + 32, step.received_bytes, rightwards=True),
            *_arrow(at + 52, step.sent_bytes, rightwards=False),
        ]
    at = _TOP + len(transcript.steps) * _ROW
    for each in held:
        parts += _vault(_RIGHT if each is transcript else _LEFT, at, each)
    at += custody + 20
    parts.append(_text(_WIDTH / 2, at, "明文公开的只有 Opened, and nothing else", "#1f2937", weight=600))
    for place, opened in enumerate(transcript.opened):
        shape = "×".join(map(str, opened.shape)) or "—"
        label = f"{_OPENED_ZH.get(opened.what, opened.what)} {opened.what} ({shape}) → {opened.to}"
        parts.append(_text(_WIDTH / 2, at + 26 * (place + 1), label, "#b45309"))
    end = at + 26 * max(1, len(transcript.opened)) + 40
    banner = "其余皆为密文、掩码或随机数；半诚实模型，尚未独立审计"
    parts.append(_text(_WIDTH / 2, end, banner, "#6b7280", size=12))
    english = "All else is ciphertext, masked or random; semi-honest, not yet independently audited"
    parts.append(_text(_WIDTH / 2, end + 18, english, "#6b7280", size=12))
    return "\n".join([*parts, "</svg>\n"])


def _opposite(transcript: Transcript) -> str:
    """Who stands on the left: the other party; at the third node of a run, both."""
    if transcript.third != transcript.party:
        return transcript.peer
    return ", ".join(step.name.removeprefix("with ") for step in transcript.steps) or transcript.peer


def _third(y: float, transcript: Transcript, step: Step) -> list[str]:
    """What went between this side and the node that computes along on shares, which stands on neither side."""
    moved = f"发送 sent {step.sent_bytes / 1e6:,.1f} MB · 接收 received {step.received_bytes / 1e6:,.1f} MB"
    return [
        _text(
            _WIDTH / 2, y, f"{_STEPS_ZH[step.name]} with the third node, which holds shares only", "#1f2937", weight=600
        ),
        _text(_WIDTH / 2, y + 18, f"{transcript.party} ↔ {transcript.third}: {moved}", "#0f4c81", size=12),
    ]


def _party(x: float, name: str, height: int) -> list[str]:
    return [
        f'<rect x="{x - 90}" y="24" width="180" height="44" rx="8" fill="#0f4c81"/>',
        _text(x, 52, name, "#ffffff", weight=600),
        f'<line x1="{x}" y1="68" x2="{x}" y2="{height - 90}" stroke="#cbd5e1" stroke-dasharray="4 4"/>',
    ]


def _vault(x: float, y: float, transcript: Transcript) -> list[str]:
    """A party's custodian: what it holds, and that it can read none of it."""
    size = sum(each.bytes for each in transcript.custody)
    return [
        f'<line x1="{x}" y1="{y}" x2="{x}" y2="{y + 18}" stroke="#7c3aed" stroke-width="1.5"/>',
        f'<polygon points="{x},{y + 24} {x - 4},{y + 16} {x + 4},{y + 16}" fill="#7c3aed"/>',
        f'<rect x="{x - 130}" y="{y + 24}" width="260" height="64" rx="8" fill="#ede9fe" stroke="#7c3aed"/>',
        _text(x, y + 46, f"保管方 custodian {transcript.custody[0].custodian}", "#4c1d95", weight=600),
        _text(
            x, y + 64, f"{len(transcript.custody)} 步密封分片 sealed shares · {size / 1e6:.1f} MB", "#4c1d95", size=12
        ),
        _text(x, y + 80, "所见只有密文 sees ciphertext alone", "#4c1d95", size=12),
    ]


def _arrow(y: float, size: int, *, rightwards: bool) -> list[str]:
    start, end = (_LEFT + 8, _RIGHT - 8) if rightwards else (_RIGHT - 8, _LEFT + 8)
    tip = -8 if rightwards else 8
    head = f"{end},{y} {end + tip},{y - 4} {end + tip},{y + 4}"
    where = _RIGHT - 70 if rightwards else _LEFT + 70
    return [
        f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" stroke="#0f4c81" stroke-width="1.5"/>',
        f'<polygon points="{head}" fill="#0f4c81"/>',
        _text(where, y - 4, f"{size / 1e6:,.1f} MB", "#0f4c81", size=12),
    ]


def _text(x: float, y: float, text: str, colour: str, *, size: int = 15, weight: int = 400) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="middle" fill="{colour}" font-size="{size}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )
