"""Two models' lives, in a demonstration that is left running: cut, trained, approved by another person, put in force.

    python -m tarim.cli._demo_models DATA URL

The simulated days are cut into a signed training set.  Boosted trees learnt on it become the champion, in place of the model
the demonstration began with; a scorecard learnt on the same set scores beside them.  Both take a minute of a processor and give
way to everything else, so nobody waits for them.  What was done is told in DATA/models.log.
"""

from __future__ import annotations

import json
import sys
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from tarim.base.errors import TarimError, Unavailable
from tarim.base.instants import DAY_MS
from tarim.cli import _background

ENGINEER: Final = "chen.jing"
APPROVER: Final = "liu.yang"
KINDS: Final[tuple[tuple[Literal["lightgbm", "woe"], str], ...]] = (
    ("lightgbm", "fraud-gbm"),
    ("woe", "fraud-woe"),
)
"""What is learnt, and what people call it; the first becomes the champion."""
LABEL_DELAY_MS: Final = 2 * DAY_MS
PARTS: Final = (0.48, 0.72)
"""Where in the days validation and test begin.  Each part loses the label delay at its end."""
GENUINE_SHARE: Final = 1 / 8
"""Of the genuine events of training, as the first model of the demonstration has it: uncalibrated, scores reach the bands."""
FOLDS: Final = 2
REASON: Final = "演示：新模型与现行模型比较"
CHOICES: Final = {
    "lightgbm": "与评分卡在同一测试样本上配对比较后选为主模型。"
    "Preferred as champion after a paired comparison with the scorecard on the same test part.",
    "woe": "与提升树比较后作为挑战者：每一分均可读，用以观察实际差距。"
    "Kept as challenger beside the trees: every point of it can be read, and in use the difference shows.",
}
"""Why each is submitted, beside what was compared."""
WORDS: Final = {
    "business_definition": "模拟银行的转账与支付中，由模拟器标注并在两天内得知的电信诈骗、账户接管与洗钱。"
    "Telecom fraud, account takeover and laundering as the simulator labels them, known within two days.",
    "algorithm_rationale": "弱特征多且相互作用，故用提升树；同一训练集上另训练评分卡作比较。"
    "Many weak features that act together: boosted trees; a scorecard on the same set is the comparison.",
    "feature_rationale": "采用生产特征集的全部特征：金额与频度、新收款方、设备与地址、夜间与整额占比。"
    "All features of the set in production: amounts and counts, new payees, devices and addresses, night and round amounts.",
    "intended_use": "仅用于演示环境中的评分与排序，不得用于真实客户。"
    "For scores in this demonstration only; never for real customers.",
    "limitations": "训练数据为模拟数据，仅三周；欺诈样本少，指标区间宽；正常样本取八分之一且未校准，评分高于真实概率；"
    "欺诈很少的种类与渠道也由模型评分。"
    "Three weeks of simulated data with few frauds, so intervals are wide; one genuine event in eight and no calibration, so a "
    "score is above the probability; kinds and channels with hardly any fraud are scored too.",
    "fallback": "停用后恢复上一主模型，或仅由规则判定，由运维人员决定。"
    "The champion before it, or rules alone; the operator decides.",
}
"""What a model card asks for, by key."""


def main(data: Path, url: str) -> None:
    """Do it all.  Raises what a step raises."""
    from tarim.bootstrap.clock import SystemClock
    from tarim.bootstrap.datasets import cut_dataset
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.bootstrap.training import Laboratory
    from tarim.identity import create_key
    from tarim.models import Caps, Plan

    places = Places(data)
    now_ms = SystemClock().now_ms()
    keys = {
        name: create_key(places.api_keys, name, scopes, now_ms)[1]
        for name, scopes in ((ENGINEER, ("models", "read")), (APPROVER, ("approve", "read")))
    }
    environment = {"TARIM_KEY": keys[ENGINEER]}
    _, manifest = cut_dataset(settings_of(data, {}), places, environment, _cut(data))
    print(f"training set {manifest.digest[:16]}: {manifest.rows:,} rows", flush=True)
    laboratory = Laboratory(places, environment)
    office = _Office(url, keys)
    runs = []
    for kind, _ in KINDS:
        plan = Plan(kind=kind, seed=1, calibration="none", folds=FOLDS, fold_seeds=1)
        runs.append(laboratory.train(manifest.digest, plan, Caps(1, 4096, 1, 10)))
    for (kind, name), (folder, record) in zip(KINDS, runs, strict=True):
        others = [other.run_id for _, other in runs if other.run_id != record.run_id]
        laboratory.choose(record.run_id, others, CHOICES[kind])
        _write_card(places, record.run_id, folder)
        office.agreed("/v1/models", {"run": record.run_id, "name": name})
        number = office.number(record.model)
        act = {"model": number, "script": ""}
        if kind == "lightgbm":
            office.agreed("/v1/models:publish", act)
        else:
            office.agreed("/v1/models:challenge", {**act, "share": 0})
        print(f"{number} {name} of run {record.run_id} is in force", flush=True)


def _cut(data: Path) -> Any:
    """The simulated days, told apart by time."""
    from tarim.bootstrap.datasets import Cut
    from tarim.models import SampleRole

    said = json.loads((data / "demo.json").read_bytes())
    first = date.fromisoformat(said["start"])
    begin_ms = int((datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=8)).timestamp() * 1000)
    starts = (begin_ms + int(said["days"] * part) * DAY_MS for part in PARTS)
    return Cut(
        "demo",
        to_ms=begin_ms + said["days"] * DAY_MS,
        starts_ms=dict(zip((SampleRole.VALIDATION, SampleRole.TEST), starts, strict=True)),
        label_delay_ms=LABEL_DELAY_MS,
        seed=1,
        genuine_share=GENUINE_SHARE,
    )


def _write_card(places: Any, run: str, folder: Path) -> None:
    """The run's card with its words filled in.  Raises DefinitionError when it asks for others."""
    from tarim.bootstrap.datasets import signer_of
    from tarim.bootstrap.house import feature_set
    from tarim.bootstrap.packages import CARD, Packages
    from tarim.bootstrap.settings import settings_of

    packages = Packages(places, feature_set(settings_of(places.data, {}).engine.features), signer_of(places, {}))
    packages.write_card(run)
    text = (folder / CARD).read_text(encoding="utf-8")
    for key, words in WORDS.items():
        text = text.replace(f'{key} = ""', f"{key} = {json.dumps(words, ensure_ascii=False)}")
    assert set(tomllib.loads(text)["words"]) >= set(WORDS)
    (folder / CARD).write_text(text, encoding="utf-8")
    packages.check_card(run)


class _Office:
    """Two persons before the service: what one proposes the other one approves."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self._url, self._keys = url, keys

    def agreed(self, path: str, body: dict[str, Any]) -> None:
        """Propose and approve.  Raises Unavailable with what the service said."""
        proposal = self._ask(ENGINEER, "POST", path, {**body, "reason": REASON})
        verdict = {"verdict": "approve", "digest": proposal["digest"]}
        self._ask(APPROVER, "POST", f"/v1/proposals/{proposal['id']}", verdict)

    def number(self, version: str) -> str:
        """Service number of a model."""
        return str(self._ask(ENGINEER, "GET", f"/v1/models/{version}")["model"]["service"])

    def _ask(self, who: str, method: str, path: str, body: object = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        status, answer = _background.call(self._url, method, path, self._keys[who], sent)
        if status >= 400:
            raise Unavailable(f"{path}: {status} {answer.get('detail', '')}")
        return answer


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2])
    except TarimError as error:
        sys.exit(f"no model was learnt: {error.detail}")
