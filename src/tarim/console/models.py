"""Models: the registry, one model with what its run found, its curves, features, groups and card, and two side by side."""

from __future__ import annotations

import asyncio
import tomllib
from typing import Any, Final

from tarim.console import models_charts, models_words
from tarim.console.models_shapes import Detail, Ledger, Model, ModelProposals, Models, Run, Watch
from tarim.console.pages import Answer, Page, View, Visit, json_answer
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

READERS: Final = frozenset({Scope.READ})
LEDGER_SHOWN: Final = 20
_NOT_FOUND: Final = 404
_ORDER: Final = {"live": 0, "submitted": 1, "approved": 2, "draft": 3, "rejected": 4, "retired": 5}


def words() -> dict[str, Any]:
    """What templates of models call codes."""
    return {
        "states": models_words.states(),
        "state_tone": models_words.state_tone,
        "roles": models_words.roles(),
        "algorithms": models_words.algorithms(),
        "act_words": models_words.acts() | models_words.switches(),
        "results": models_words.results(),
        "result_tone": models_words.result_tone,
        "measure_words": models_words.measures(),
        "parts": models_words.parts(),
        "divisions": models_words.divisions(),
        "threshold_words": models_words.thresholds(),
        "name_of": name_of,
    }


def name_of(model: Model) -> str:
    """What people call a model, or its service number."""
    return model.name or model.service


async def show_models(visit: Visit, error: Refused | None = None) -> View:
    """The registry: what is in use first."""
    found, waiting = await asyncio.gather(
        visit.serve.get("/v1/models", Models), visit.serve.get("/v1/model-proposals", ModelProposals)
    )
    ranked = sorted(
        found.models, key=lambda each: (_ORDER.get(each.state, 9), each.role != "champion", each.live_at, each.service)
    )
    values = words() | {
        "tab": "models",
        "registry": found,
        "models": ranked,
        "champion": next((each for each in ranked if each.role == "champion"), None),
        "challengers": [each for each in ranked if each.role == "challenger"],
        "waiting": len(waiting.proposals),
        "may_submit": visit.may(Scope.MODELS),
        "may_operate": visit.may(Scope.OPERATE),
        "may_author": visit.may(Scope.AUTHOR),
        "form": visit.form,
        "error": error,
    }
    return View("models/models.html", values)


async def run_of(visit: Visit, model: Model) -> Run | None:
    """What its run found; None for a model whose run is not known on this machine."""
    if not model.manifest:
        return None
    try:
        return await visit.serve.get(f"/v1/models/{model.version}/run", Run)
    except Refused as error:
        if error.status != _NOT_FOUND:
            raise
        return None


async def detail_of(visit: Visit) -> Detail:
    """The model of the path.  Raises Refused."""
    return await visit.serve.get(f"/v1/models/{segment(visit.path['model'])}", Detail)


def head(visit: Visit, detail: Detail, tab: str) -> dict[str, Any]:
    """What every page of one model shows above."""
    return words() | {"tab": tab, "detail": detail, "model": detail.model, "package": detail.package}


async def show_model(visit: Visit) -> View:
    """A model: where it stands, where it comes from, how good it is, and what may be done with it."""
    return await model_page(visit)


async def model_page(visit: Visit, error: Refused | None = None) -> View:
    """The page of one model; error: why an act on it was refused."""
    detail = await detail_of(visit)
    run, ledger, waiting, registry = await asyncio.gather(
        run_of(visit, detail.model),
        visit.serve.get("/v1/model-ledger", Ledger, model=detail.model.version, count=LEDGER_SHOWN),
        visit.serve.get("/v1/model-proposals", ModelProposals),
        visit.serve.get("/v1/models", Models),
    )
    champion = next((each for each in registry.models if each.version == registry.champion), None)
    values = head(visit, detail, "overview") | {
        "run": run,
        "table": models_charts.operating_table(run.curves) if run and run.curves else [],
        "ledger": ledger.lines,
        "proposals": [each for each in waiting.proposals if each.version == detail.model.version],
        "acts": possible_acts(visit, detail.model),
        "champion": champion,
        "form": visit.form,
        "error": error,
    }
    return View("models/model.html", values)


def possible_acts(visit: Visit, model: Model) -> list[str]:
    """Acts that go for a model of this state, as far as the person may; the service has the last word."""
    acts: list[str] = []
    if visit.may(Scope.MODELS) and model.state in ("approved", "live"):
        if model.role != "champion":
            acts += ["publish", "challenge"]
        acts.append("retire")
    if visit.may(Scope.OPERATE) and model.state == "live":
        acts.append("resume" if model.paused else "pause")
        if model.role == "challenger":
            acts.append("stand-down")
    return acts


async def show_features(visit: Visit) -> View:
    """What it leans on, and whether scores and features stayed as they were."""
    detail = await detail_of(visit)
    run = await run_of(visit, detail.model)
    notes = sorted(run.figures.notes, key=lambda each: (not each.chosen, -(each.gain or 0))) if run else []
    return View("models/features.html", head(visit, detail, "features") | {"run": run, "notes": notes})


async def show_groups(visit: Visit) -> View:
    """Figures by group of customers, and how far apart they lie."""
    detail = await detail_of(visit)
    run = await run_of(visit, detail.model)
    by_segment: dict[str, list[Any]] = {}
    for each in run.figures.segments if run else ():
        by_segment.setdefault(each.segment, []).append(each)
    values = {"run": run, "by_segment": by_segment, "gaps": run.figures.gaps if run else ()}
    return View("models/groups.html", head(visit, detail, "groups") | values)


async def show_card(visit: Visit) -> View:
    """The card: what the model is for and why it is as it is, in the words of who answers for it."""
    detail = await detail_of(visit)
    said: dict[str, Any] = {}
    if detail.card:
        try:
            said = tomllib.loads(detail.card)
        except tomllib.TOMLDecodeError:
            raise Refused(422, "damaged", _("模型卡无法读取"), _("模型卡不是有效的 TOML。")) from None
    texts = said.get("words", {})
    questions = [(text, str(texts.get(key, ""))) for key, text in models_words.card_questions().items()]
    values = {"questions": questions if detail.card else [], "run_part": said.get("run", {})}
    return View("models/card.html", head(visit, detail, "card") | values)


async def chart_data(visit: Visit) -> Answer:
    """Numbers of one model's charts; `curves` is null where no report of the run was drawn."""
    detail = await detail_of(visit)
    run = await run_of(visit, detail.model)
    if run is None:
        return json_answer({"curves": None, "stability": None, "importance": None})
    curves = models_charts.curve_data(run.curves, run.figures) if run.curves else None
    return json_answer(
        {
            "curves": curves,
            "stability": models_charts.stability_data(run.figures),
            "importance": models_charts.importance_data(run.figures),
        }
    )


async def _pair(visit: Visit) -> tuple[Models, list[tuple[Model, Run | None]]]:
    """The two models that are compared: those asked for, else the champion and its first challenger."""
    registry = await visit.serve.get("/v1/models", Models)
    by_version = {each.version: each for each in registry.models}
    first = by_version.get(visit.query.get("a", "")) or by_version.get(registry.champion)
    others = [each for each in registry.models if first is None or each.version != first.version]
    second = by_version.get(visit.query.get("b", "")) or next(
        (each for each in others if each.role == "challenger"), next(iter(others), None)
    )
    chosen = [each for each in (first, second) if each is not None]
    runs = await asyncio.gather(*(run_of(visit, each) for each in chosen))
    return registry, list(zip(chosen, runs, strict=True))


async def show_compare(visit: Visit) -> View:
    """Two models side by side: figures with intervals, curves, and how they do in use."""
    registry, pair = await _pair(visit)
    watch = await visit.serve.get("/v1/models/watch", Watch, segment="all")
    datasets = {run.figures.dataset for _model, run in pair if run}
    rows = []
    for key, text in models_words.measures().items():
        found = [run.figures.metrics.measures.get(key) if run else None for _model, run in pair]
        if any(found):
            rows.append((text, found, _better(key, found)))
    versions = [model.version for model, _run in pair]
    values = words() | {
        "tab": "compare",
        "registry": registry,
        "pair": pair,
        "rows": rows,
        "same_dataset": len(datasets) == 1,
        "has_curves": any(run and run.curves for _model, run in pair),
        "measures": [each for each in watch.measures if each.model in versions][:60],
        "names": {each.version: name_of(each) for each in registry.models},
    }
    return View("models/compare.html", values)


def _better(key: str, found: list[Any]) -> str:
    """Which of two is better beyond chance, `first` or `second`: their intervals do not touch.

    `neither` when they do, `unknown` where the runs have no intervals.
    """
    if len(found) != 2 or not all(each and each.low is not None and each.high is not None for each in found):
        return "unknown"
    first, second = found
    if first.low <= second.high and second.low <= first.high:
        return "neither"
    return "first" if (first.low > second.high) is not (key in models_words.SMALLER_IS_BETTER) else "second"


async def compare_data(visit: Visit) -> Answer:
    """Numbers of the charts of two models."""
    _registry, pair = await _pair(visit)
    watch = await visit.serve.get("/v1/models/watch", Watch, segment="all")
    named = [(model.version, name_of(model)) for model, _run in pair]
    return json_answer(
        {
            "curves": models_charts.compared_data(
                [(name_of(model), run.curves if run else None) for model, run in pair]
            ),
            "live": models_charts.live_data(named, watch.measures),
        }
    )


PAGES: Final = (
    Page("GET", "/models", "models", READERS, show_models, nav="models"),
    Page("GET", "/model-compare", "model_compare", READERS, show_compare, nav="models"),
    Page("GET", "/model-compare/data", "model_compare_data", READERS, compare_data, nav="models"),
    Page("GET", "/models/{model}", "model", READERS, show_model, nav="models"),
    Page("GET", "/models/{model}/features", "model_features", READERS, show_features, nav="models"),
    Page("GET", "/models/{model}/groups", "model_groups", READERS, show_groups, nav="models"),
    Page("GET", "/models/{model}/card", "model_card", READERS, show_card, nav="models"),
    Page("GET", "/models/{model}/data", "model_data", READERS, chart_data, nav="models"),
)
