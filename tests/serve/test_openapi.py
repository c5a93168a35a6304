"""The service does what its OpenAPI document says: schemathesis makes requests from it, good and bad ones."""

import json

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install '.[test]'")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")
CheckConfig = pytest.importorskip("schemathesis.config").CheckConfig

OPERATIONS = ("caption", "model", "alive", "ready", "metrics")


@pytest.fixture(scope="module")
def document(plain, drawn):
    """The document; where it asks for the bytes of a picture, requests have those of one."""
    pictures = st.sampled_from(drawn)
    for kind in ("image/*", "application/octet-stream"):
        schemathesis.openapi.media_type(kind, pictures)
    schemathesis.openapi.format("binary", pictures)
    return schemathesis.openapi.from_url(f"{plain.base}/openapi.json")


def test_the_document_has_every_operation_with_examples(plain):
    document = plain.get("/openapi.json").json
    operations = {of["operationId"] for path in document["paths"].values() for of in path.values()}
    assert operations == set(OPERATIONS)
    caption = document["paths"]["/v1/caption"]["post"]
    assert set(caption["requestBody"]["content"]) == {
        "multipart/form-data",
        "image/*",
        "application/octet-stream",
        "application/json",
    }
    assert "urls" not in caption["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert {"200", "400", "401", "403", "408", "413", "422", "503"} <= set(caption["responses"])
    assert "dog.jpg" in json.dumps(document["components"]["schemas"]["Answer"]["example"])
    named = {parameter["name"] for parameter in caption["parameters"]}
    assert {"beam", "must", "min_confidence", "guide", "attention", "careful", "tags"} <= named


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_holds_to_the_document(document, name):
    operation = document.find_operation_by_id(name)

    @seed(0)
    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def holds(case):
        # Settings that are each within bounds may not go together, such as a shortest caption longer than the longest.
        case.call_and_validate(excluded_checks=[checks.positive_data_acceptance])

    holds()


def test_wrong_requests_are_refused_as_the_document_says(document, plain):
    operation = document.find_operation_by_id("caption")
    declared = plain.get("/openapi.json").json["paths"]["/v1/caption"]["post"]["responses"]
    refusals = [status for status in declared if status != "200"]  # among them 413, for too many pictures
    document.config.checks.negative_data_rejection = CheckConfig(expected_statuses=refusals)

    @seed(0)
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    def holds(case):
        case.call_and_validate(excluded_checks=[checks.positive_data_acceptance])

    holds()
