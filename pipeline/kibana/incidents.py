"""Our data view, searches, panels and dashboard; pure.

In: the alias that incidents are behind, the space. Out: saved objects, in the order in which one
refers to another. Ids are fixed, so importing again replaces, and have alias and space in them:
Kibana renames an object whose id another space has.
"""

from pipeline.kibana import columns
from pipeline.kibana.shapes import GRID, Json, Panel, Period, dashboard, data_view, lens, search

DEFAULT_SPACE = "default"
EVER = Period("now-10y")
"""An incident that is open is open however long ago it began."""
SEASON = Period("now-90d")
"""In a quarter of a year, what comes back has come back several times."""
MONTH = Period("now-30d")

_COUNTED = "not incident.status: merged"
"""A merged incident lives on in another one, which is counted."""
_LINK = (
    "discover#/view/{search}?_g=(time:(from:now-10y,to:now))"
    "&_a=(query:(language:kuery,query:'incident.id:%22{{{{value}}}}%22'))"
)
"""From an incident's id to all of it. Kibana puts its own address and space before it."""


def saved_objects(alias: str, space: str = DEFAULT_SPACE) -> list[Json]:
    """Return all that is imported."""
    return _Made(alias, space).all()


class _Made:
    def __init__(self, alias: str, space: str) -> None:
        self._prefix = "-".join(
            ["aftershock", alias] if space == DEFAULT_SPACE else ["aftershock", alias, space]
        )
        self._view = data_view(
            self._id("view"), "Aftershock incidents", pattern=alias, formats=self._formats()
        )

    def all(self) -> list[Json]:
        searches = self._searches()
        numbers, charts, chronic = self._numbers(), self._charts(), self._chronic()
        board = dashboard(
            self._id("dashboard"),
            "[Aftershock] Incidents",
            "What is broken now, what breaks most, how fast we notice. A click on a value filters;"
            " a click on an incident's id shows all of it.",
            view=self._view,
            panels=[
                *_row(numbers, y=0, height=6, periods={self._id("open-now"): EVER}),
                Panel(searches[0], 0, 6, GRID, 12, EVER),
                *_row(charts[:2], y=18, height=12),
                *_row(charts[2:], y=30, height=12),
                Panel(chronic, 0, 42, GRID, 12, SEASON),
            ],
            controls={
                "incident.application": "application",
                "incident.severity": "severity",
                "incident.cause.node": "cause",
                "related.user": "user hit",
            },
            period=MONTH,
        )
        return [self._view, *searches, *numbers, *charts, chronic, board]

    def _searches(self) -> list[Json]:
        return [
            self._search(
                "open",
                "Open incidents",
                "Not resolved yet, however long ago they began.",
                query="incident.status: open",
                fields="message incident.severity incident.cause.node incident.user_count"
                " incident.updated_at incident.id",
                period=EVER,
            ),
            self._search(
                "user",
                "What hit user X",
                "Write the user's name instead of the asterisk, as the pods or as people spell it.",
                query=f"related.user: * and {_COUNTED}",
                fields="message incident.users incident.severity incident.status"
                " incident.cause.node incident.id",
            ),
            self._search(
                "by-cause",
                "Incidents by cause",
                "Sorted by the node that is the most probable cause; each with its reasons.",
                query=f"incident.cause.node: * and {_COUNTED}",
                fields="incident.cause.node incident.cause.probability message event.reason"
                " incident.id",
                sort=(("incident.cause.node", "asc"), ("@timestamp", "desc")),
            ),
            self._search(
                "low-confidence",
                "Low confidence",
                "No cause, or several that are nearly as probable as each other.",
                query=f"incident.verdict: (ambiguous or unknown) and {_COUNTED}",
                fields="message incident.verdict incident.cause_nodes incident.cause.probability"
                " incident.counterfactual incident.id",
            ),
            self._search(
                "blind-spots",
                "Blind spots",
                "Incidents with nodes at or above the cause that nobody observes.",
                query=f"incident.unobserved: * and {_COUNTED}",
                fields="message incident.unobserved incident.cause.node incident.cause.inferred"
                " incident.verdict incident.id",
            ),
        ]

    def _numbers(self) -> list[Json]:
        detect = "incident.time_to_detect_s"
        return [
            self._lens(
                "open-now",
                "Open now",
                {"open": columns.count("open incidents")},
                columns.number("open"),
                query="incident.status: open",
            ),
            self._lens(
                "users-hit",
                "Users hit",
                {"users": columns.unique("incident.users", "users")},
                columns.number("users"),
            ),
            self._lens(
                "time-to-detect",
                "Time to detect",
                {
                    "median": columns.median(detect, "median"),
                    "p95": columns.percentile(detect, "95 % within", 95),
                },
                columns.number("median", second="p95"),
            ),
            self._lens(
                "unsure",
                "Incidents, and of low confidence",
                {
                    "incidents": columns.count("incidents"),
                    "unsure": columns.count(
                        "of low confidence", only="incident.verdict: (ambiguous or unknown)"
                    ),
                },
                columns.number("incidents", second="unsure"),
            ),
        ]

    def _charts(self) -> list[Json]:
        count = columns.count("incidents")
        detect = "incident.time_to_detect_s"
        return [
            self._lens(
                "by-severity",
                "Incidents over time, by severity",
                {
                    "severity": columns.top("incident.severity", "severity", size=3, by="count"),
                    "time": columns.over_time(),
                    "count": count,
                },
                columns.chart("bar_stacked", x="time", y=["count"], split="severity"),
            ),
            self._lens(
                "causes-over-time",
                "Incidents over time, by cause",
                {
                    "cause": columns.top(
                        "incident.cause.node", "cause", size=8, by="count", other=True
                    ),
                    "time": columns.over_time(),
                    "count": count,
                },
                columns.chart("bar_stacked", x="time", y=["count"], split="cause"),
            ),
            self._lens(
                "top-causes",
                "Top causes",
                {
                    "cause": columns.top("incident.cause.node", "cause", size=10, by="count"),
                    "count": count,
                },
                columns.chart("bar_horizontal", x="cause", y=["count"]),
            ),
            self._lens(
                "detect-over-time",
                "Time to detect, over time",
                {
                    "time": columns.over_time(),
                    "median": columns.median(detect, "median"),
                    "p95": columns.percentile(detect, "95 % within", 95),
                },
                columns.chart("line", x="time", y=["median", "p95"]),
            ),
        ]

    def _chronic(self) -> Json:
        shown = {
            "cause": columns.top("incident.cause.node", "cause", size=20, by="count"),
            "count": columns.count("incidents"),
            "reopened": columns.total("incident.reopened", "came back after they were resolved"),
            "open": columns.count("open", only="incident.status: open"),
            "duration": columns.median("incident.duration_s", "median duration"),
            "latest": columns.last("@timestamp", "latest"),
        }
        return self._lens(
            "chronic",
            "Chronic causes: most incidents in 90 days",
            shown,
            columns.table(shown),
        )

    def _search(  # noqa: PLR0913 - passes on what a search is
        self,
        name: str,
        title: str,
        description: str,
        *,
        query: str,
        fields: str,
        sort: tuple[tuple[str, str], ...] = (("@timestamp", "desc"),),
        period: Period | None = None,
    ) -> Json:
        return search(
            self._id(name),
            f"[Aftershock] {title}",
            description,
            view=self._view,
            query=query,
            columns=fields.split(),
            sort=sort,
            period=period,
        )

    def _lens(
        self,
        name: str,
        title: str,
        shown: dict[str, Json],
        drawn: columns.Drawn,
        *,
        query: str = _COUNTED,
    ) -> Json:
        return lens(
            self._id(name),
            f"[Aftershock] {title}",
            "",
            view=self._view,
            query=query,
            columns=shown,
            drawn=drawn,
        )

    def _formats(self) -> dict[str, Json]:
        link = _LINK.format(search=self._id("by-cause"))
        return {
            "incident.id": {
                "id": "url",
                "params": {"type": "a", "urlTemplate": link, "labelTemplate": "{{value}}"},
            },
            "incident.cause.probability": {"id": "percent", "params": {"pattern": "0%"}},
            "incident.time_to_detect_s": _duration("seconds"),
            "incident.duration_s": _duration("seconds"),
            "event.duration": _duration("nanoseconds"),
        }

    def _id(self, name: str) -> str:
        return f"{self._prefix}-{name}"


def _duration(unit: str) -> Json:
    return {
        "id": "duration",
        "params": {
            "inputFormat": unit,
            "outputFormat": "humanizePrecise",
            "outputPrecision": 1,
            "includeSpaceWithSuffix": True,
            "useShortSuffix": True,
        },
    }


def _row(
    shown: list[Json], *, y: int, height: int, periods: dict[str, Period] | None = None
) -> list[Panel]:
    """Return panels of equal width beside each other."""
    width = GRID // len(shown)
    return [
        Panel(each, place * width, y, width, height, (periods or {}).get(each["id"]))
        for place, each in enumerate(shown)
    ]
