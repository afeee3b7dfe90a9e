"""Reads what law 4 is about from the broker: workers' rows, symptoms, incidents, dead letters."""

from pipeline.accounting import Ledger
from pipeline.broker import topics
from pipeline.broker.letters import letters
from pipeline.broker.rows import latest, worker_rows
from pipeline.broker.tail import read_to_end
from pipeline.settings import KafkaSettings


def ledger_of(kafka: KafkaSettings) -> Ledger:
    """Return the sums as they are now.

    Raises:
        BrokenWorld: no broker answers.
        AftershockError: a topic is not there: no worker has run yet.
    """
    prefix = kafka.topic_prefix
    ledger = Ledger()
    for key, value in worker_rows(kafka, "detect").items():
        ledger.detect_row(key, value)
    for key, value in worker_rows(kafka, "correlate").items():
        ledger.correlate_row(key, value)
    for message in read_to_end(kafka, [topics.symptoms(prefix)]):
        ledger.symptom(message.key, message.value or b"")
    for value in latest(kafka, topics.incidents(prefix)).values():
        ledger.incident(value)
    for letter in letters(read_to_end(kafka, [topics.rejected(prefix)])):
        if letter.where.startswith(f"{prefix}.observations."):
            ledger.dead_batch(letter.value)
    return ledger
