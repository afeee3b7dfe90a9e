"""One role in this process, from settings to its end.

In: a role's name and settings. It checks topology and topics first (one clear line if they will not
do), answers health probes, and works until SIGTERM, SIGINT or the end of its lifeline.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Literal

from pipeline import clock
from pipeline.assembly import flow_of
from pipeline.broker import topics
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.graphs import publish_graphs
from pipeline.flow import Flow
from pipeline.harmless import lines, one_line
from pipeline.health import Health, served
from pipeline.settings import KafkaSettings, Settings
from pipeline.worker.correlate import CorrelateStage
from pipeline.worker.detect import DetectStage
from pipeline.worker.stage import Stage

Role = Literal["ingest", "adapt", "detect", "correlate", "index"]
FLOW: tuple[Role, ...] = ("detect", "correlate", "index")
"""What must run for observations to become incidents."""
ROLES: tuple[Role, ...] = ("ingest", "adapt", *FLOW)
"""All, in flow order: the doors by which observations come in first."""

TELL_S = 0.5
"""How often the role's health is looked at, to tell when it changes."""
GC_OBJECTS = 10_000
"""New objects between two looks for cyclic garbage, of which ingest makes next to none."""
LAST_RESORT_S = 7.0
"""Beyond the time that Faust is given to stop; then the process ends as it is (losing nothing)."""


def serve(role: Role, settings: Settings, *, lifeline: bool = False) -> None:
    """Be a role until told to stop; with a lifeline, also when standard input ends.

    Raises:
        AftershockError: no broker, topics that are not as they must be, a port that is taken.
        TopologyError: a topology that cannot be used.
    """
    _say_little()
    flow = flow_of(settings)
    ensure_topics(settings.kafka)
    if role == "correlate":
        publish_graphs(settings.kafka, flow.timelines)
    health = Health(role)
    port: int | None = getattr(settings.health, f"{role}_port")
    if lifeline:
        threading.Thread(target=_end_with_input, name="lifeline", daemon=True).start()
    threading.Thread(target=_tell, args=(health,), name="tell", daemon=True).start()
    with served(health, settings.health.host, port) as bound:
        if bound is not None:
            sys.stderr.write(f"{role}: health on http://{settings.health.host}:{bound}/ready\n")
        if role == "index":
            _serve_index(settings, health)
        elif role == "ingest":
            asyncio.run(_serve_ingest(settings, flow, health))
        elif role == "adapt":
            _serve_adapt(settings, flow, health)
        else:
            stage = _stage(role, flow, settings)
            _ensure_state(stage, settings.kafka)
            asyncio.run(_serve_stage(stage, settings, health))


def _stage(role: Role, flow: Flow, settings: Settings) -> Stage:
    kafka = settings.kafka
    if role == "detect":
        return DetectStage(
            flow=flow,
            prefix=kafka.topic_prefix,
            partitions=kafka.partitions.observations,
            symptom_partitions=kafka.partitions.symptoms,
        )
    return CorrelateStage(
        flow=flow, prefix=kafka.topic_prefix, partitions=kafka.partitions.symptoms
    )


def _ensure_state(stage: Stage, kafka: KafkaSettings) -> None:
    """Create or check the topic of the stage's rows; Faust creates nothing."""
    rows = topics.state_topic(kafka.topic_prefix, stage.name, stage.partitions)
    ensure_topics(kafka, wanted=[rows])


async def _serve_stage(stage: Stage, settings: Settings, health: Health) -> None:
    from pipeline.worker.faust_app import Worker  # noqa: PLC0415 - Faust costs a second to import

    await Worker(stage, settings, health).serve(_stop_on_signals())


async def _serve_ingest(settings: Settings, flow: Flow, health: Health) -> None:
    from pipeline.live.role import run_ingest  # noqa: PLC0415 - only this role needs a cluster

    def say(line: str) -> None:
        sys.stderr.write(f"ingest: {one_line(line)}\n")

    # a look at all that 500 followers and the libraries hold stops the loop for a sixth of a
    # second, and came every six; what is loaded by now stays for ever
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS)

    await run_ingest(settings, flow, stop=_stop_on_signals(), health=health, say=say)


def _stop_on_signals() -> asyncio.Event:
    """Return an event of the running loop that signals set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stopping(stop.set))
    return stop


def _serve_index(settings: Settings, health: Health) -> None:
    from pipeline.worker.index import run_index  # noqa: PLC0415 - only this role needs the store

    run_index(settings, _on_signals(threading.Event()), health)


def _serve_adapt(settings: Settings, flow: Flow, health: Health) -> None:
    from pipeline.adapt.role import run_adapt  # noqa: PLC0415 - only this role needs OTLP

    run_adapt(settings, flow, _on_signals(threading.Event()), health)


def _on_signals(stop: threading.Event) -> threading.Event:
    """Have signals set an event; return it."""
    stopping = _stopping(stop.set)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stopping()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stop


def _stopping(stop: Callable[[], None]) -> Callable[[], None]:
    """Return a handler that stops the role, and ends the process when that takes too long."""

    def begin() -> None:
        stop()
        last_resort = threading.Timer(LAST_RESORT_S, os._exit, [0])
        last_resort.daemon = True
        last_resort.start()

    return begin


def _end_with_input() -> None:
    """Wait until standard input ends: whoever started us is gone, however it went."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _tell(health: Health) -> None:
    """Say in one line when the role becomes ready, and when it no longer is."""
    was_ready = False
    while True:
        clock.sleep(TELL_S)
        report = health.report()
        if report.ready != was_ready:
            what = "ready" if report.ready else f"not ready: {'; '.join(report.problems)}"
            sys.stderr.write(f"{health.role}: {one_line(what)}\n")
            was_ready = report.ready


class HarmlessFormatter(logging.Formatter):
    """What is logged may quote what was read."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a terminal may have it."""
        return lines(super().format(record))


def _say_little() -> None:
    """Log trouble to stderr, one short line each; what libraries think of brokers is not among it.

    That a broker is away is told by :func:`_tell`, once.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        HarmlessFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for chatty in ("aiokafka", "faust", "kafka", "mode"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
