"""One cluster may run many hubs: each instance has its own nodes, signatures and incidents."""

from pathlib import Path

from pipeline.analyze import analyze
from pipeline.assembly import flow_of
from pipeline.settings import Settings

TWO = {
    "topology": "jupyterhub-openshift",
    "instances": [
        {"application": "jupyterhub-openshift", "parameters": {"namespace": "prod"}},
        {
            "application": "jupyterhub-openshift",
            "parameters": {"instance": "staging", "namespace": "stage"},
        },
    ],
}


def test_each_instance_has_its_own_cause(tmp_path: Path) -> None:
    line = "[E 2026-03-02 10:00:00.000 JupyterHub orm:7] Rolling back session due to database error"
    told = (
        f'{{"signal":"log","time":"2026-03-02T10:00:0{second}Z","namespace":"{namespace}",'
        f'"pod":"jupyterhub-7-abcde","container":"jupyterhub","message":"{line}"}}'
        for namespace in ("prod", "stage")
        for second in range(5)
    )
    (tmp_path / "r.jsonl").write_text("\n".join(told))

    flow = flow_of(Settings.model_validate(TWO))
    found = analyze([tmp_path / "r.jsonl"], flow, on_rejected=print).incidents

    assert {(i.application, i.nodes[0], i.causes[0].node) for i in found} == {
        ("jupyterhub-openshift", "jupyterhub/hub", "jupyterhub/db"),
        ("jupyterhub-openshift/staging", "staging/hub", "staging/db"),
    }
