"""An answer is what the API documents, or unusable in one line."""

import pytest

from pipeline.ingest.cluster import Unusable
from pipeline.live.metrics.answer import answer_of, error_of


def test_a_matrix_is_read() -> None:
    answer = answer_of(
        b'{"status":"success","warnings":["a store is away"],"data":{"resultType":"matrix",'
        b'"result":[{"metric":{"__name__":"up"},"values":[[1772445600,"1"],[1772445630.5,"NaN"]],'
        b'"histograms":[[1772445600,{"count":"3"}]]}]}}'
    )
    [series] = answer.series
    assert series.values == [(1772445600.0, "1"), (1772445630.5, "NaN")]
    assert (len(series.histograms), answer.warnings) == (1, ["a store is away"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"status":"success"}',
        b'{"status":"success","data":{"resultType":"vector","result":[]}}',
        b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}',
        b'{"status":"success","data":{"resultType":"matrix","result":[{"values":[["x",1]]}]}}',
    ],
)
def test_anything_else_is_unusable(content: bytes) -> None:
    with pytest.raises(Unusable):
        answer_of(content)


def test_an_error_is_told_in_the_servers_own_words() -> None:
    body = b'{"status":"error","errorType":"bad_data","error":"parse error:\\n unexpected )"}'
    assert error_of(body) == "parse error: unexpected )"
    assert error_of(b"<html>no</html>") is None
