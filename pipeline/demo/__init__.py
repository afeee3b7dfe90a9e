"""The demo, and the recorded outage that it replays (``outage``, ``data``)."""
