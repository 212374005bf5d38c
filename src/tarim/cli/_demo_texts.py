"""What the demonstration prints, in one language at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tarim.identity import ROLES
from tarim.stream import Outcome

if TYPE_CHECKING:
    from rich.console import Console

    from tarim.bootstrap.demo_staff import Employee
    from tarim.bootstrap.demonstration import CrimeCount, Example, Report
    from tarim.simulation import SimulationSettings

OUTCOMES_ZH: Final = ("通过", "提示", "附加验证", "延迟结算", "挂起确认", "拦截")
CRIMES: Final = {
    "account_takeover": ("账户盗用", "account takeover"),
    "telecom_fraud": ("电信网络诈骗", "telecom fraud"),
    "mule": ("租借账户", "lent accounts (mules)"),
    "gather_scatter": ("归集与分散转移", "gathering and scattering"),
    "cash_out": ("套现", "cash-out"),
}
KINDS: Final = {
    "transfer": "转账",
    "payment": "支付",
    "withdrawal": "取现",
    "deposit": "存款",
    "login": "登录",
    "binding": "设备绑定",
}
STAGES: Final = {
    "simulate": ("模拟银行", "simulating a bank (days)"),
    "open": ("打开数据目录（首次运行需编译）", "opening (the first run compiles)"),
    "learn": ("仅用规则回放第一部分（事件）", "replaying the first part by rules alone (events)"),
    "train": ("训练模型", "training a model"),
    "judge": ("用规则和模型判断其余部分（事件）", "judging the rest by rules and model (events)"),
    "count": ("与真值核对", "comparing with the truth"),
}


class Texts:
    """All texts of the demonstration; `chinese` or English."""

    def __init__(self, chinese: bool) -> None:
        self.chinese = chinese

    def _(self, zh: str, en: str) -> str:
        return zh if self.chinese else en

    @property
    def starting(self) -> str:
        """While the service starts."""
        return self._("正在启动服务", "starting the service")

    @property
    def hiring(self) -> str:
        """While accounts are made."""
        return self._("正在为每个角色开户", "making an account for every role")

    @property
    def opening(self) -> str:
        """While the other processes start."""
        return self._("正在启动工作台、视图与控制台", "starting the desk, the views and the console")

    @property
    def working(self) -> str:
        """While people work."""
        return self._("演示人员正在处理案件", "the demonstration's people are working on cases")

    def stopped(self, ran: bool) -> str:
        """After --stop."""
        if ran:
            return self._("演示服务已停止。", "the demonstration's services are stopped.")
        return self._("没有正在运行的演示服务。", "no service of a demonstration is running.")

    def stage(self, name: str) -> str:
        """Name of a stage."""
        return self._(*STAGES[name])

    def outcome(self, outcome: int) -> str:
        """Name of an outcome."""
        return self._(OUTCOMES_ZH[outcome], Outcome(outcome).name.lower())

    def title(self, settings: SimulationSettings) -> str:
        """What will be done."""
        return self._(
            f"模拟数据（随机种子 {settings.seed}，自 {settings.start} 起 {settings.days} 天）：一家虚构的省级银行，"
            f"{settings.customers:,} 名客户，日均约 {settings.events_per_day:,} 笔事件。没有任何真实个人信息。",
            f"Simulated data (seed {settings.seed}, {settings.days} days from {settings.start}): an invented provincial bank "
            f"of {settings.customers:,} customers, about {settings.events_per_day:,} events a day. Nobody in it is real.",
        )

    def show(self, console: Console, report: Report, data: Path) -> None:
        """Everything but the service."""
        self._model(console, report)
        self._crimes(console, report)
        self._outcomes(console, report)
        self._sums(console, report)
        self._examples(console, report)
        self._files(console, data)

    def _model(self, console: Console, report: Report) -> None:
        learned = report.learned
        console.print()
        console.print(
            self._(
                f"模型：取前 {learned.days} 天训练时已知的犯罪事件 {learned.frauds:,} 笔，及其余事件的八分之一，"
                f"共 {learned.rows:,} 笔，用时 {learned.took_s:.1f} 秒"
                "（标签按其延迟到达；更近几天的标签尚未到齐，不参加训练）。",
                f"Model: trained on the {learned.frauds:,} events of the first {learned.days} days known to be criminal by "
                f"then, and one in eight of the others, {learned.rows:,} in all, in {learned.took_s:.1f} s (labels arrive "
                "days late; the days right before training are left out).",
            )
        )
        console.print(
            self._(
                f"其后 {report.judged_days} 天（未参加训练，对照全部真值）：AUC {learned.auc:.4f}，平均精确率 AP "
                f"{learned.average_precision:.4f}。",
                f"On the last {report.judged_days} days, not seen in training, against the full truth: AUC {learned.auc:.4f}, "
                f"average precision {learned.average_precision:.4f}.",
            )
        )

    def _crimes(self, console: Console, report: Report) -> None:
        from rich import box
        from rich.table import Table

        title = self._(
            f"后 {report.judged_days} 天的犯罪事件，按类型和处置",
            f"Criminal events of the last {report.judged_days} days, by kind and outcome",
        )
        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        table.add_column(self._("类型", "kind"))
        table.add_column(self._("事件", "events"), justify="right")
        shown: list[Outcome] = [
            outcome for outcome in Outcome if outcome <= Outcome.DELAY or sum(self._column(report, outcome)) > 0
        ]
        for outcome in shown:
            table.add_column(self.outcome(outcome), justify="right")
        table.add_column(self._("制止", "stopped"), justify="right")
        table.add_column(self._("涉及金额（元）", "yuan moved"), justify="right")
        table.add_column(self._("制止金额（元）", "yuan stopped"), justify="right")
        for each in report.crimes:
            table.add_row(self._(*CRIMES[each.crime]), *_cells(each, shown))
        table.add_section()
        total = [
            sum(each.events for each in report.crimes),
            *(sum(self._column(report, outcome)) for outcome in shown),
        ]
        stopped = sum(each.stopped for each in report.crimes)
        moved, held = (sum(each.moved_fen for each in report.crimes), sum(each.stopped_fen for each in report.crimes))
        table.add_row(
            self._("合计", "all"),
            *(f"{count:,}" for count in total),
            _share(stopped, total[0]),
            _yuan(moved),
            _yuan(held),
        )
        console.print(table)

    @staticmethod
    def _column(report: Report, outcome: Outcome) -> list[int]:
        return [each.by_outcome[outcome] for each in report.crimes]

    def _outcomes(self, console: Console, report: Report) -> None:
        from rich import box
        from rich.table import Table

        title = self._("每种处置的精确率", "Precision of each outcome")
        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        columns = (("处置", "outcome"), ("事件", "events"), ("其中犯罪", "criminal"), ("精确率", "precision"))
        for number, (zh, en) in enumerate((*columns, ("每天", "a day"))):
            table.add_column(self._(zh, en), justify="right" if number else "left")
        for outcome in Outcome:
            count = report.by_outcome[outcome]
            if count:
                table.add_row(
                    self.outcome(outcome),
                    f"{count:,}",
                    f"{report.crime_by_outcome[outcome]:,}",
                    f"{report.precision(outcome):.1%}",
                    f"{count / report.judged_days:,.1f}",
                )
        console.print(table)

    def _sums(self, console: Console, report: Report) -> None:
        alerts = sum(report.by_outcome[Outcome.CHALLENGE :])
        console.print(
            self._(
                f"附加验证及以上为告警：每天 {alerts / report.judged_days:,.1f} 笔。“制止”指犯罪事件得到附加验证或更强的处置。",
                f"Alerts are challenge and stronger: {alerts / report.judged_days:,.1f} a day. "
                "A criminal event is stopped when its outcome is challenge or stronger.",
            )
        )
        second = report.second
        console.print(
            self._(
                f"速度：{second.events:,} 笔事件从 Parquet 经接入、流水日志、特征、规则、模型到决策文件，"
                f"{second.took_s:.1f} 秒，每秒 {second.events_per_s:,.0f} 笔（本机，与其他负载共用）。",
                f"Speed: {second.events:,} events from Parquet through intake, journal, features, rules and model to decisions "
                f"on disk in {second.took_s:.1f} s, {second.events_per_s:,.0f} a second (this machine, as busy as it is).",
            )
        )

    def _examples(self, console: Console, report: Report) -> None:
        console.print()
        console.print(self._("几笔决策及其理由", "A few decisions and their reasons"), style="bold")
        for each in report.examples:
            console.print(f"  {self._headline(each)}", markup=False)
            for zh, en in zip(each.reasons_zh, each.reasons_en, strict=True):
                console.print(f"      {zh} / {en}", markup=False)

    def _headline(self, each: Example) -> str:
        what = (
            self._(*CRIMES[each.crime]) if each.crime else self._("误报：正常客户", "false alarm: an honest customer")
        )
        kind = self._(KINDS.get(each.kind, each.kind), each.kind)
        amount = self._(f"{_yuan(each.amount_fen)} 元", f"{_yuan(each.amount_fen)} yuan") if each.amount_fen else ""
        return "  ".join(
            part
            for part in (
                f"{each.source}/{each.event_id}",
                f"{kind} {amount}".strip(),
                f"→ {self.outcome(each.outcome)}",
                self._(f"模型评分 {each.score:.3f}", f"score {each.score:.3f}"),
                f"({what})",
            )
            if part
        )

    def _files(self, console: Console, data: Path) -> None:
        console.print()
        console.print(self._(f"文件在 {data}", f"Files in {data}"), style="bold")
        for name, zh, en in (
            ("bank/", "模拟的事件（每天一个 Parquet）与真值", "simulated events, a Parquet file a day, and the truth"),
            ("learned/", "第一部分的决策与特征", "decisions and features of the first part"),
            ("judged/", "其余部分的决策与特征", "decisions and features of the rest"),
            ("model.txt", "训练所得模型（LightGBM）", "the trained model (LightGBM)"),
            ("journal/", "流水日志：唯一事实来源", "the journal: the only truth"),
            ("demo.json", "以上数字", "the figures above"),
            ("api-key.txt", "接口密钥（仅供演示）", "the API key (for the demonstration only)"),
        ):
            console.print(f"  {name:12} {self._(zh, en)}", markup=False)

    def show_service(
        self, console: Console, url: str, key: str, body: str, status: int, answer: Any, lookup: str
    ) -> None:
        """The service, the line to try, and what it answered."""
        console.print()
        console.print(self._(f"服务正在 {url} 运行。试一试：", f"A service is running at {url}. Try:"), style="bold")
        head = f"-H 'Authorization: Bearer {key}'"
        console.print(
            f"\ncurl -s {url}/v1/decisions {head} -H 'Content-Type: application/json' -d '{body}'\n", markup=False
        )
        console.print(
            self._(
                f"刚才已调用一次，答复（{status}）如下。同样的命令会得到同一答复；改动 event_id 即为新事件。",
                f"It was called just now and answered {status}, as below. The same line gets the same answer; "
                "another event_id makes it another event.",
            )
        )
        console.print(json.dumps(answer, ensure_ascii=False, indent=1), markup=False)
        console.print(self._("\n查询这笔决策：", "\nLook the decision up:"))
        console.print(f"\ncurl -s '{url}{lookup}' {head}\n", markup=False)

    def show_staff(self, console: Console, staff: Sequence[Employee], data: Path) -> None:
        """Everybody's password, this once."""
        from rich import box
        from rich.table import Table

        title = self._("账号（口令仅显示这一次）", "Accounts (passwords are shown this once)")
        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        for zh, en in (("角色", "role"), ("姓名", "name"), ("账号", "login"), ("口令", "password")):
            table.add_column(self._(zh, en), no_wrap=True)
        for each in staff:
            post = ROLES[each.role]
            role = self._(post.title_zh.partition("：")[0], post.title.partition(":")[0])
            table.add_row(role, self._(each.name, each.name_en), each.login, each.password)
        console.print(table)
        console.print(
            self._(
                f"登录还需动态口令：{_command('--codes', data)} 显示当前各账号的动态口令；也可在认证应用中绑定。",
                f"Signing in takes a one-time code as well: {_command('--codes', data)} prints everybody's for now.",
            ),
            markup=False,
        )
        console.print(
            self._(
                "各种状态的案件、投诉、赔付、报告与待审批事项均已就绪；模拟流量持续进入。\n"
                "后台正在训练两个模型，约一分钟后出现在“模型”页：主模型与挑战者各一。",
                "Cases, complaints, losses, reports and proposals stand in every state; simulated traffic keeps coming in.\n"
                "Two models are being trained meanwhile; in about a minute the page Models has a champion and a challenger.",
            )
        )

    def show_codes(self, console: Console, codes: Sequence[tuple[str, str, int]]) -> None:
        """One-time codes for now."""
        for login, code, left in codes:
            console.print(
                self._(f"{login:12} {code}  {left} 秒内有效", f"{login:12} {code}  for {left} s"), markup=False
            )

    def end(self, took_s: float, data: Path, console_url: str) -> str:
        """The last lines.  console_url: "" where nothing is left running."""
        text = self._(f"演示完成，用时 {took_s:.0f} 秒。", f"Done in {took_s:.0f} s.")
        if not console_url:
            return text
        return self._(
            f"{text} 停止：{_command('--stop', data)}\n控制台已打开，从这里开始：{console_url}/tour",
            f"{text} Stop with: {_command('--stop', data)}\nThe console is open; begin here: {console_url}/tour",
        )


def _command(option: str, data: Path) -> str:
    return f".venv/bin/tarim demo {option}" + ("" if data == Path("var/demo") else f" --data {data}")


def _cells(each: CrimeCount, shown: list[Outcome]) -> list[str]:
    counts = [each.events, *(each.by_outcome[outcome] for outcome in shown)]
    stopped = _share(each.stopped, each.events)
    return [*(f"{count:,}" for count in counts), stopped, _yuan(each.moved_fen), _yuan(each.stopped_fen)]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _yuan(amount_fen: int) -> str:
    return f"{amount_fen / 100:,.0f}"
