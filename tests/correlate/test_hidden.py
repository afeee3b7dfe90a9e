"""Faults that nobody saw: named, common to several, and no more of them than are needed."""

from collections.abc import Callable, Sequence

import pytest

from correlate.conftest import START
from pipeline.correlate.application import ApplicationState
from pipeline.correlate.evidence import seen
from pipeline.correlate.hidden import Explanation, explained
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.parents import Weights
from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Amount, Incident, Symptom, micros
from topology.graph import Graph
from topology.model import Application, Delay, Edge, NodeTemplate, Signals

Symptoms = Callable[..., Symptom]
HOUR = 3_600_000_000


def incident(model: Likelihood, symptoms: Sequence[Symptom]) -> Incident:
    """Return the only incident of symptoms, when all is over."""
    state = ApplicationState(model)
    for symptom in symptoms:
        state.add(symptom, None)
    end = max(micros(symptom.last_seen) for symptom in symptoms) + 10 * HOUR
    (told,) = {one.id: one for one in state.advance(Moment(end, end)).incidents}.values()
    return told


def cause(model: Likelihood, symptoms: Sequence[Symptom]) -> str:
    return incident(model, symptoms).causes[0].node


@pytest.fixture
def storage(application: Application) -> Likelihood:
    """The small hub, with a volume for each user and one backend behind all volumes."""
    delay = Delay(typical_s=10, longest_s=300)
    nodes = (NodeTemplate(id="storage", kind="infrastructure", observed=()),)
    edges = (
        Edge(cause="volume/{user}", effect="user/{user}", delay=delay, strength=0.9),
        Edge(cause="storage", effect="volume/{claim}", delay=delay, strength=0.8),
    )
    wider = Application(
        name="hub", nodes=application.nodes + nodes, edges=application.edges + edges
    )
    return Likelihood(Graph(wider), CorrelateSettings())


def _full(symptom: Symptoms, user: str, at: float, **mentioned: float) -> Symptom:
    named = {f"volume/{user}": 0.8, **mentioned}
    return symptom(f"user/{user}", at, at + 300, implicates=named, signature=str(at))


def test_one_full_volume_is_that_volume_s_fault(storage: Likelihood, symptom: Symptoms) -> None:
    assert cause(storage, [_full(symptom, "a", 0)]) == "volume/a"


def test_what_one_place_mentions_is_not_at_fault_however_often_it_is_said(
    storage: Likelihood, symptom: Symptoms
) -> None:
    filling = symptom("volume/a", -100, 600, detector="metrics", symptom_class="saturation")
    told = [_full(symptom, "a", 20 * number, storage=0.2) for number in range(6)]
    assert cause(storage, [filling, *told]) == "volume/a"


@pytest.mark.parametrize("mentioned", [{}, {"storage": 0.2}])
def test_many_full_volumes_are_the_fault_of_what_is_behind_them(
    storage: Likelihood, symptom: Symptoms, mentioned: dict[str, float]
) -> None:
    full = [_full(symptom, user, 7 * number, **mentioned) for number, user in enumerate("abcdef")]
    assert cause(storage, full) == "storage"


def test_what_several_users_say_of_one_machine_is_believed(
    model: Likelihood, symptom: Symptoms
) -> None:
    said = [
        symptom(f"user/{user}", at, cluster_nodes=("w1",), implicates={"machine/w1": 0.7})
        for at, user in enumerate("ab")
    ]
    assert cause(model, said) == "machine/w1"


def test_a_node_may_be_named_before_its_own_trouble_shows(
    model: Likelihood, symptom: Symptoms
) -> None:
    late = symptom("api", 300, detector="metrics", symptom_class="availability")
    named = [symptom("hub", at, 400, implicates={"api": 0.8}, signature=str(at)) for at in (0, 1)]
    told = incident(model, [*named, late])
    assert told.causes[0].node == "api"
    assert not told.causes[0].inferred


def test_nothing_is_supposed_behind_what_a_seen_cause_explains(
    model: Likelihood, symptom: Symptoms
) -> None:
    """Were the API a second explanation of everything, many effects would make it the likelier."""
    db = symptom("db", 0, 600, symptom_class="availability")
    effects = [symptom("hub", 2, 600, signature=str(number)) for number in range(8)]
    users = [symptom(f"user/{number}", 60 + number, 600) for number in range(8)]
    one_says_otherwise = symptom("hub", 9, signature="auth", implicates={"api": 0.4})
    assert cause(model, [db, *effects, *users, one_says_otherwise]) == "db"


def test_a_machine_s_word_about_a_container_does_not_make_it_the_cause(
    model: Likelihood, symptom: Symptoms
) -> None:
    word = symptom("machine/w1", 0, severity="minor", whisper=True)
    killed = symptom("user/a", 5, severity="critical", cluster_nodes=("w1",))
    assert cause(model, [word, killed]) == "user/a"


def test_a_server_that_is_watched_is_not_at_fault_because_it_is_spoken_of(
    model: Likelihood, symptom: Symptoms
) -> None:
    assert cause(model, [symptom("hub", 0, implicates={"user/a": 0.7})]) == "hub"


def test_who_speaks_of_trouble_that_is_seen_does_not_have_hidden_trouble_supposed(
    model: Likelihood, symptom: Symptoms
) -> None:
    """The hub gives up on a server after minutes, when nothing else is near any more."""
    waits = symptom("user/a", 0, 900, symptom_class="scheduling")
    said = {"user/a": 0.5, "api": 0.3}
    gives_up = [
        symptom("hub", at, implicates=said if named else {"user/a": 0.5}, signature=f"{at}{named}")
        for at in (590, 750, 890)
        for named in (True, False)
    ]
    assert cause(model, [waits, *gives_up]) == "user/a"


def test_little_comes_over_a_node_that_is_looked_at_and_shows_nothing(
    model: Likelihood, symptom: Symptoms
) -> None:
    def share(between: list[Symptom]) -> float:
        weights = Weights(model)
        for one in [symptom("db", 0), *between, symptom("user/a", 70)]:
            weights.put(seen(one, model.settings))
        pieces = sorted(weights.evidence.values(), key=lambda piece: piece.order)
        return float(weights.forest(pieces).roots()[-1, 0])

    assert share([]) < share([symptom("hub", 5)])


def explanation(model: Likelihood, symptoms: Sequence[Symptom]) -> Explanation:
    weights = Weights(model)
    for one in symptoms:
        weights.put(seen(one, model.settings))
    pieces = sorted(weights.evidence.values(), key=lambda piece: piece.order)
    return explained(pieces, weights.forest(pieces), model)


def on_one_machine(symptom: Symptoms, apart_s: float) -> list[Symptom]:
    return [
        symptom(f"user/{user}", number * apart_s, number * apart_s + 60, cluster_nodes=("w1",))
        for number, user in enumerate("abcd")
    ]


def hosted(observed: tuple[Signals, ...]) -> Likelihood:
    """Servers that have nothing to do with each other, but may run on one machine."""
    nodes = (
        NodeTemplate(id="user/{user}"),
        NodeTemplate(id="machine/{name}", kind="infrastructure", observed=observed),
    )
    edge = Edge(
        cause="machine/{name}",
        effect="user/{user}",
        delay=Delay(typical_s=30, longest_s=300),
        strength=0.8,
        via="cluster_node",
    )
    graph = Graph(Application(name="hosts", nodes=nodes, edges=(edge,)))
    return Likelihood(graph, CorrelateSettings())


@pytest.mark.parametrize(("apart_s", "supposed"), [(20, ["machine/w1"]), (1_500, [])])
def test_what_is_in_common_came_at_one_time(
    apart_s: float, supposed: list[str], symptom: Symptoms
) -> None:
    found = explanation(hosted(("metrics",)), on_one_machine(symptom, apart_s)).pieces
    assert [piece.node for piece in found if piece.symptom is None] == supposed


def test_a_burst_is_found_among_older_trouble_of_the_same_places(symptom: Symptoms) -> None:
    before = symptom("user/c", -5_000, cluster_nodes=("w1",))
    told = [before, *on_one_machine(symptom, 20)]
    (fault,) = explanation(hosted(("metrics",)), told).pieces[len(told) :]
    assert (fault.node, fault.onset_s) == ("machine/w1", START.timestamp())


def test_what_is_named_again_long_after_is_no_sign_of_the_fault_before(
    model: Likelihood, symptom: Symptoms
) -> None:
    """A sign-in expires; that all fail twenty minutes later is the database's doing."""
    told = [
        symptom("hub", 0, implicates={"api": 0.6}, signature="expired"),
        symptom("db", 1_190, 1_800, symptom_class="availability"),
        symptom("hub", 1_200, 1_800, implicates={"api": 0.4}, signature="failing"),
    ]
    found = explanation(model, told)
    (fault,) = found.pieces[len(told) :]
    assert (fault.node, fault.last_seen_s) == ("api", START.timestamp())
    assert found.roots[2].argmax() == 1


def test_a_fault_that_would_have_been_seen_at_its_own_node_is_supposed_less(
    symptom: Symptoms,
) -> None:
    def share(model: Likelihood) -> float:
        return float(explanation(model, on_one_machine(symptom, 20)[:3]).roots[0, -1])

    assert share(hosted(("metrics",))) < share(hosted(()))


def test_an_amount_begins_where_it_rises_not_where_noise_joined_it(
    model: Likelihood, symptom: Symptoms
) -> None:
    def errors(node: str, *steps: float) -> Symptom:
        first = micros(symptom(node, 0).onset) // 60_000_000
        counted = tuple((first + number, extra) for number, extra in enumerate(steps) if extra)
        amount = Amount(unit="failures", total=sum(steps), error=0.5, step_s=60, steps=counted)
        begins = 60 * (counted[0][0] - first)
        return symptom(node, begins, 60 * len(steps), detector="metrics", amount=amount)

    told = incident(
        model, [errors("hub", 1, 1, 0, 1, 0, 0, 40, 40), errors("db", *[0] * 6, 50, 50)]
    )
    assert told.causes[0].node == "db"
