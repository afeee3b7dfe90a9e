"""The shipped application, read once; and a reader of files written in a test."""

from collections.abc import Callable, Mapping

import pytest

from topology import Application, Graph, Resolver, load
from topology.load import read

Read = Callable[..., Application]


@pytest.fixture(scope="session")
def jupyterhub() -> Application:
    return load("jupyterhub-openshift")


@pytest.fixture(scope="session")
def resolver(jupyterhub: Application) -> Resolver:
    return Resolver(jupyterhub)


@pytest.fixture(scope="session")
def graph(jupyterhub: Application) -> Graph:
    return Graph(jupyterhub)


@pytest.fixture
def read_text() -> Read:
    def read_it(text: str, parameters: Mapping[str, str] | None = None) -> Application:
        return read(text.encode(), "f.yaml", parameters or {})

    return read_it
