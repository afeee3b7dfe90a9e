"""Creates the topics that are missing, and checks those that are there.

In: settings. Out: what was found, topic by topic. A topic that is not as the flow needs it (another
number of partitions, another cleanup policy) is one clear error: with other numbers than its peers
a worker would see only some of a node's signals, and a compacted topic would lose observations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient  # type: ignore[import-untyped]  # it ships no types
from kafka.admin import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]
from kafka.errors import for_code  # type: ignore[import-untyped]

from pipeline.broker import clients
from pipeline.broker.topics import Topic, table
from pipeline.errors import AftershockError, BrokenWorld
from pipeline.settings import KafkaSettings

_UNKNOWN_TOPIC = 3
_ALREADY_EXISTS = 36
_REQUEST_MS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A topic as it is on the broker."""

    name: str
    partitions: int
    replication: int
    cleanup_policy: str | None
    """None: the broker does not say (the embedded one never does), so it could not be checked."""
    created: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the fields for ``--json``."""
        return {
            "name": self.name,
            "partitions": self.partitions,
            "replication": self.replication,
            "cleanup_policy": self.cleanup_policy,
            "created": self.created,
        }


def ensure_topics(
    kafka: KafkaSettings, *, create: bool = True, wanted: Sequence[Topic] | None = None
) -> tuple[Found, ...]:
    """Create what is missing (unless told not to), check everything, return what is there.

    ``wanted`` are the topics of the flow, unless others are given.

    Raises:
        BrokenWorld: no broker answers, or it refuses to create.
        AftershockError: a topic is missing, or not as the flow needs it.
    """
    wanted = table(kafka) if wanted is None else wanted
    client = clients.admin(kafka)
    try:
        with clients.told(kafka):
            before = _partitions_by_topic(client, wanted)
            missing = [topic for topic in wanted if topic.name not in before]
            if missing and not create:
                raise AftershockError(_missing(missing))
            if missing:
                _create(client, missing, kafka)
            found = tuple(_look(client, wanted, {topic.name for topic in missing}))
    finally:
        client.close()
    complaints = list(differences(wanted, found))
    if complaints:
        more = f" (and {len(complaints) - 1} more such)" if len(complaints) > 1 else ""
        raise AftershockError(complaints[0] + more)
    return found


def differences(wanted: Sequence[Topic], found: Sequence[Found]) -> Iterator[str]:
    """Yield what is not as the flow needs it: topic, found, wanted, what to do; pure."""
    by_name = {topic.name: topic for topic in found}
    for topic in wanted:
        is_ = by_name[topic.name]
        if is_.partitions != topic.partitions:
            yield (
                f"topic {topic.name}: {is_.partitions} partitions, but {topic.partitions} wanted:"
                " stop the roles, delete the topic and the topics of their state"
                " (`*-state-changelog`: they hold its offsets), run `aftershock topics ensure`,"
                " or set kafka.partitions to what is there"
            )
        policy = is_.cleanup_policy
        if policy is not None and not _policy_fits(policy, topic):
            yield (
                f"topic {topic.name}: cleanup.policy is {policy}, but {topic.cleanup_policy}"
                " wanted: change it with Kafka's `kafka-configs --alter`"
            )


def warnings(kafka: KafkaSettings, found: Sequence[Found]) -> Iterator[str]:
    """Yield what works, but should be known; pure."""
    fewer = [topic.name for topic in found if topic.replication < kafka.replication]
    if fewer:
        yield (
            f"fewer copies than kafka.replication = {kafka.replication}: {', '.join(fewer)};"
            " a lost broker may take them with it"
        )
    if any(topic.cleanup_policy is None for topic in found):
        yield "the broker does not tell its topics' configuration: cleanup.policy was not checked"


def _policy_fits(policy: str, topic: Topic) -> bool:
    parts = {part.strip() for part in policy.split(",")}
    if topic.cleanup_policy == "compact":
        return "compact" in parts  # a site may let old incidents go: compact,delete
    return parts == {"delete"}  # compaction would keep one batch of each node only


def _missing(topics: Sequence[Topic]) -> str:
    names = ", ".join(topic.name for topic in topics)
    return f"topics are missing: {names}; run `aftershock topics ensure`"


def _partitions_by_topic(
    client: KafkaAdminClient, wanted: Sequence[Topic]
) -> dict[str, list[dict[str, Any]]]:
    answer = client.describe_topics([topic.name for topic in wanted])
    for topic in answer:
        if topic["error_code"] not in {0, _UNKNOWN_TOPIC}:
            raise BrokenWorld(f"topic {topic['name']}: {_error(topic['error_code'])}")
    return {topic["name"]: topic["partitions"] for topic in answer if topic["error_code"] == 0}


def _create(client: KafkaAdminClient, missing: Sequence[Topic], kafka: KafkaSettings) -> None:
    answer = client.create_topics(
        {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": kafka.replication,
                "configs": {"cleanup.policy": topic.cleanup_policy, **topic.configs},
            }
            for topic in missing
        },
        timeout_ms=_REQUEST_MS,
        raise_errors=False,
    )
    for topic in answer["topics"]:
        # another role may have been a moment faster
        if topic["error_code"] not in {0, _ALREADY_EXISTS}:
            why = topic.get("error_message") or _error(topic["error_code"])
            raise BrokenWorld(
                f"topic {topic['name']}: the broker does not create it ({why});"
                " see kafka.replication and the broker's permissions"
            )
    client.wait_for_topics([topic.name for topic in missing], timeout_ms=_REQUEST_MS)


def _look(client: KafkaAdminClient, wanted: Sequence[Topic], created: set[str]) -> Iterator[Found]:
    policies = _policies(client, wanted)
    described = _partitions_by_topic(client, wanted)
    for topic in wanted:
        partitions = described[topic.name]
        yield Found(
            name=topic.name,
            partitions=len(partitions),
            replication=min(len(partition["replica_nodes"]) for partition in partitions),
            cleanup_policy=policies.get(topic.name),
            created=topic.name in created,
        )


def _policies(client: KafkaAdminClient, wanted: Sequence[Topic]) -> Mapping[str, str]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in wanted]
    answer = client.describe_configs(resources, config_filter="all")
    configs: Mapping[str, Mapping[str, Mapping[str, Any]]] = answer.get("topic", {})
    return {
        name: str(entries["cleanup.policy"]["value"])
        for name, entries in configs.items()
        if "cleanup.policy" in entries
    }


def _error(code: int) -> str:
    return str(for_code(code).__name__)
