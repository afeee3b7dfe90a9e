"""Interventions on the application: its database, its hub and proxy, its users' sessions."""

from pipeline.simulate.scenarios.databases import DATABASES
from pipeline.simulate.scenarios.hubs import HUBS
from pipeline.simulate.scenarios.scenario import Scenario
from pipeline.simulate.scenarios.sessions import SESSIONS

APPLICATION: tuple[Scenario, ...] = tuple(
    sorted((*DATABASES, *SESSIONS, *HUBS), key=lambda scenario: scenario.id)
)
"""S01 to S05, S14 to S17, S19 to S21, S24, S25; S27 and S28 are benign."""
