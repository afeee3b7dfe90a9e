"""A table of open incidents, kept up to date from the topic: ``open_incidents.py BROKER [TOPIC]``.

Needs kafka-python 3 alone. It begins at the beginning, as the topic is compacted and small; so it
may be stopped, started again, or given anything twice.
"""

import json
import sys

from kafka import KafkaConsumer

broker, topic = [*sys.argv[1:], "aftershock.incidents"][:2]
seen = {}  # highest revision of each incident: repeats and what is older are no news
table = {}  # the open ones

for record in KafkaConsumer(
    topic, bootstrap_servers=broker, group_id=None, auto_offset_reset="earliest"
):
    incident = json.loads(record.value) if record.value is not None else None
    if incident is None:  # it has left the topic: by age, or by somebody's hand
        seen.pop(record.key, None)
        table.pop(record.key, None)
    elif incident["revision"] > seen.get(record.key, 0):
        seen[record.key] = incident["revision"]
        table.pop(record.key, None)
        if incident["status"] == "open":  # else: resolved, or merged into another
            table[record.key] = incident
    print(json.dumps({i["id"]: [i["revision"], i["title"]] for i in table.values()}), flush=True)
