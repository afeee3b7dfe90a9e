"""Nezha's metrics: columns of pods, machines and the front, and what spans tell of calls."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks.truth.case import metric

FRONT = "frontend"
"""Latency as the users have it: a view of the entry service's traffic."""
MINUTE_NS = 60_000_000_000
PHASE_NS = 9_000_000_000
"""The data was collected nine seconds past each minute: minutes end there."""
SLICE_NS = 10_000_000_000
SEEN_SLICES = 5
"""Calls in so many of a minute's six slices: then the calls of all of it were kept."""

_MIB = 1024 * 1024
_POD = {
    "CpuUsage(m)": ("cpu_usage_cores", 1e-3),
    "CpuUsageRate(%)": ("cpu_usage_ratio", 1e-2),
    "MemoryUsage(Mi)": ("memory_usage_bytes", _MIB),
    "MemoryUsageRate(%)": ("memory_usage_ratio", 1e-2),
    "SyscallRead": ("syscall_reads", 1.0),
    "SyscallWrite": ("syscall_writes", 1.0),
    "NetworkReceiveBytes": ("network_receive_bytes_per_second", 1.0),
    "NetworkTransmitBytes": ("network_transmit_bytes_per_second", 1.0),
    "PodWorkload(Ops)": ("requests_per_second", 1.0),
    **{
        f"Pod{side}LatencyP{p}(s)": (f"{name}_duration_p{p}_seconds", 1.0)
        for side, name in (("Server", "request"), ("Client", "client_request"))
        for p in (90, 95, 99)
    },
}
"""Column → name and factor. Left out: PodSuccessRate, which is always 0."""
_MACHINE = {
    "NodeCpuUsageRate(%)": ("node_cpu_usage_ratio", 1e-2),
    "NodeMemoryUsageRate(%)": ("node_memory_usage_ratio", 1e-2),
    "NodeNetworkReceiveBytes": ("node_network_receive_bytes_per_second", 1.0),
}
_FRONT = {f"LatencyP{p}(s)": (f"request_duration_p{p}_seconds", 1.0) for p in (50, 90, 95, 99)}


def machine_node(host: str) -> str:
    """Return the node of a machine."""
    return f"infrastructure/node/{host}"


def samples(node: str, row: Mapping[str, str], *, pod: str | None = None) -> Iterator[str]:
    """Yield what a row says of a node: a pod's service, a machine, or the front."""
    columns = _POD if pod is not None else _FRONT if node == FRONT else _MACHINE
    time = datetime.fromtimestamp(int(row["TimeStamp"]), UTC).isoformat()
    for column, (name, factor) in columns.items():
        value = float(row[column] or "nan") * factor
        nobody_called = "_duration_" in name and not value
        if math.isfinite(value) and not nobody_called:
            yield metric(time, node, name, value)


@dataclass(slots=True)
class Calls:
    """Calls between services, out of spans.

    A call is a span whose parent is another service's, or nobody's: then a user called.
    """

    between: set[tuple[str, str]] = field(default_factory=set)
    """Caller and callee."""
    called_by_users: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    _number: Counter[tuple[int, str]] = field(default_factory=Counter)
    _lasted_ns: Counter[tuple[int, str]] = field(default_factory=Counter)
    _slices: dict[int, set[int]] = field(default_factory=dict)
    """In which slices of a minute there were calls."""

    def add(self, service_of: Callable[[str], str], rows: Iterable[Mapping[str, str]]) -> None:
        """Take a file of spans. Files overlap: a span counts once."""
        spans = list(rows)
        owner = {span["SpanID"]: service_of(span["PodName"]) for span in spans}
        self.services |= set(owner.values())
        for span in spans:
            identity = span["SpanID"]
            if identity not in self._seen:
                self._seen.add(identity)
                self._take(span, owner[identity], owner.get(span["ParentID"]))

    def _take(self, span: Mapping[str, str], callee: str, caller: str | None) -> None:
        start, end = int(span["StartTimeUnixNano"]), int(span["EndTimeUnixNano"])
        minute = math.ceil((start - PHASE_NS) / MINUTE_NS)
        self._slices.setdefault(minute, set()).add((start - PHASE_NS) // SLICE_NS)
        if span["ParentID"] == "root":
            self.called_by_users.add(callee)
        elif caller in {None, callee}:
            return
        else:
            self.between.add((str(caller), callee))
        self._number[minute, callee] += 1
        self._lasted_ns[minute, callee] += end - start

    def samples(self) -> Iterator[str]:
        """Yield, for each minute that spans were kept of, each service's calls and mean time."""
        for minute, slices in sorted(self._slices.items()):
            if len(slices) < SEEN_SLICES:
                continue
            end_s = (minute * MINUTE_NS + PHASE_NS) / 1e9
            time = datetime.fromtimestamp(end_s, UTC).isoformat()
            for service in sorted(self.services):
                number = self._number[minute, service]
                yield metric(time, service, "request_count", number)
                if number:
                    mean_s = self._lasted_ns[minute, service] / number / 1e9
                    yield metric(time, service, "request_duration_seconds", mean_s)
