"""The reserved phrase: what our page, and no other, shows before the password is typed (SE-09, NS-06).

It is three words out of this list, drawn at the start and changed by the person.  A login that does not exist shows one as
well, always the same, so a phrase says nothing about who has an account; a text of one's own would.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tarim.base.errors import FieldError

PHRASE_WORDS: Final = 3
_TEXT: Final = """
青山 白云 明月 清风 流水 大海 江河 湖泊 草原 森林 沙漠 雪峰 朝霞 晚霞 星空 彩虹
梅花 兰花 翠竹 菊花 荷叶 松柏 银杏 枫叶 茉莉 牡丹 海棠 芦苇 稻穗 麦田 葡萄 石榴
骆驼 骏马 白鹤 燕子 锦鲤 熊猫 麋鹿 海豚 喜鹊 雄鹰 蝴蝶 蜻蜓 蜗牛 刺猬 松鼠 企鹅
灯塔 石桥 古城 驿站 风车 帆船 木屋 钟楼 竹笛 古琴 毛笔 砚台 茶壶 陶罐 丝绸 纸鸢
"""
WORDS: Final = tuple(_TEXT.split())
"""64 words: 262,144 phrases."""


def phrase_at(number: int) -> str:
    """The phrase of a number, whatever its size."""
    chosen = []
    for _ in range(PHRASE_WORDS):
        number, at = divmod(number, len(WORDS))
        chosen.append(WORDS[at])
    return " ".join(chosen)


def phrase_of(words: Iterable[str]) -> str:
    """The phrase of three words chosen by a person.  Raises FieldError."""
    chosen = list(words)
    if len(chosen) != PHRASE_WORDS or any(word not in WORDS for word in chosen):
        raise FieldError(
            "words", f"must be {PHRASE_WORDS} words of the list that is offered. 请从所列词语中选{PHRASE_WORDS}个。"
        )
    return " ".join(chosen)
