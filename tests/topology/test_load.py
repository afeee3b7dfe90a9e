"""Files that are fine: the minimal form, parameters, versions, the shipped application."""

from collections.abc import Callable
from importlib import resources

import jsonschema
import pytest
import yaml

from topology import Application, load, shipped
from topology.form import schema

MINIMAL = """\
application: petshop
nodes:
  - id: PetSite
    entry: true
  - id: servi-searc.elb_remote
    kind: endpoint
  - id: PetSearch
edges:
  - {cause: PetSearch, effect: PetSite}
"""

Read = Callable[..., Application]


def test_node_ids_and_edges_are_enough(read_text: Read) -> None:
    application = read_text(MINIMAL)
    (edge,) = application.edges
    site, endpoint, search = application.nodes
    assert (edge.delay.typical_s, edge.delay.longest_s, edge.strength) == (30, 300, 0.7)
    assert (site.entry, endpoint.kind, search.kind) == (True, "endpoint", "component")
    assert search.observed == ("logs", "events", "metrics")


@pytest.mark.parametrize("node", ["no", "1.10", "2023-01-01", "a b", "GET /x?y=1", "a#b", "null!"])
def test_an_id_is_the_text_that_is_written(node: str, read_text: Read) -> None:
    application = read_text(f"application: x\nnodes:\n  - id: {node}\n")
    assert application.nodes[0].id == node


def test_cycles_are_fine(read_text: Read) -> None:
    application = read_text(MINIMAL + "  - {cause: PetSite, effect: PetSearch}\n")
    assert len(application.edges) == 2


def test_the_version_depends_on_the_content_alone(read_text: Read) -> None:
    one = read_text(MINIMAL)
    same = read_text("# a comment\n" + MINIMAL.replace("entry: true", "entry: yes"))
    other = read_text(MINIMAL.replace("endpoint", "external"))
    assert one.version == same.version
    assert one.version != other.version


def test_an_application_survives_its_json(jupyterhub: Application) -> None:
    again = Application.model_validate_json(jupyterhub.model_dump_json())
    assert again == jupyterhub
    assert again.version == jupyterhub.version


def test_an_unset_parameter_fits_anything_and_a_set_one_only_itself() -> None:
    anywhere = load("jupyterhub-openshift").nodes[1].match[0]
    here = load("jupyterhub-openshift", {"namespace": "a.b"}).nodes[1].match[0]
    assert anywhere.namespace == ".*"
    assert here.namespace == r"a\.b"


DEFAULTS = """\
application: x
parameters:
  first: {default: a}
  second: {default: "${first}-b"}
nodes:
  - id: ${second}
"""


@pytest.mark.parametrize(
    ("given", "node"), [({}, "a-b"), ({"first": "c"}, "c-b"), ({"second": "d"}, "d")]
)
def test_a_default_may_name_the_parameters_above_it(
    given: dict[str, str], node: str, read_text: Read
) -> None:
    assert read_text(DEFAULTS, given).nodes[0].id == node


def test_another_instance_is_another_application() -> None:
    other = load("jupyterhub-openshift", {"instance": "hub-a", "namespace": "a"})
    assert other.name == "jupyterhub-openshift/hub-a"
    assert other.template_of("hub-a/hub") is not None
    assert other.template_of("jupyterhub/hub") is None


@pytest.mark.parametrize("name", shipped())
def test_shipped_files_are_valid_under_the_published_schema(name: str) -> None:
    file = resources.files("topology") / "applications" / f"{name}.yaml"
    jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(file.read_text("utf-8")))


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    wrong = {"application": "x", "nodes": [{"id": "a", "obsrved": []}]}
    assert list(jsonschema.Draft202012Validator(schema()).iter_errors(wrong))


def test_the_drawings_arrows_are_all_there_and_no_others(jupyterhub: Application) -> None:
    """Six arrows: that to user 1, 2 … n is one family, drawn three times."""
    drawn = {(edge.cause, edge.effect) for edge in jupyterhub.edges if edge.source == "drawing"}
    assert drawn == {
        ("platform/openshift-oauth", "jupyterhub/hub"),
        ("platform/openshift-api", "jupyterhub/hub"),
        ("jupyterhub/hub", "jupyterhub/db"),
        ("jupyterhub/hub", "jupyterhub/user/{user}"),
    }


def test_what_the_drawing_leaves_uncoloured_is_unobserved(jupyterhub: Application) -> None:
    platform = [node for node in jupyterhub.nodes if node.kind == "platform"]
    assert [(node.id, node.observed) for node in platform] == [
        ("platform/openshift-oauth", ()),
        ("platform/openshift-api", ()),
    ]
