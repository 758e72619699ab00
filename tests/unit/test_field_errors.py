"""What is wrong with a field is said in the product's words, not in the validator's."""

import re
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel, ValidationError

from service.api import schemas
from service.api.body import Input
from service.errors import from_validation

VALIDATORS = re.compile(r"should|Input|valid |Field required|parse|Extra inputs", re.IGNORECASE)


def complaints(model: type[BaseModel], given: dict[str, Any]) -> list[dict[str, str]]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(given)
    with Flask(__name__).test_request_context():
        body = from_validation(refused.value).get_json()
    found: list[dict[str, str]] = body["errors"]
    return found


@pytest.mark.parametrize(
    ("model", "given", "said"),
    [
        (schemas.IncidentInput, {"title": ""}, "a title needs a character that can be seen"),
        (schemas.IncidentInput, {"title": "x" * 1101}, "may have at most 1100 characters"),
        (schemas.IncidentInput, {"title": "x", "criticality": "dire"}, "must be 'low', 'medium', 'high' or 'critical'"),
        (schemas.IncidentInput, {"title": "x", "tags": 7}, "must be a list"),
        (schemas.IncidentInput, {"title": 7}, "must be text"),
        (schemas.IncidentInput, {"title": "x", "nonsense": 1}, "is not known here"),
        (schemas.UpdateInput, {}, "is required"),
        (schemas.IncidentQuery, {"limit": "many"}, "must be a whole number"),
        (schemas.IncidentQuery, {"limit": 1000}, "must be 100 or less"),
        (schemas.IntegrationInput, {"enabled": "perhaps"}, "must be true or false"),
        (schemas.LinkInput, {"notification_id": "x"}, "is not written as it has to be"),
    ],
)
def test_in_the_products_words(model: type[BaseModel], given: dict[str, Any], said: str) -> None:
    (complaint,) = complaints(model, given)
    assert complaint["message"] == said


WRONG: tuple[Any, ...] = (
    None, "", 7, -1, True, [], {}, [7], {"a": 1}, "x" * 100_000, ["x"] * 1000, "\0", "nonsense",
    "half\ud83d", "9" * 5000, 10**30, 1.5, "2020-13-45T00:00Z", "2020-01-01T00:00:00", ["x" * 100_000], [None],
)  # fmt: skip


@pytest.mark.parametrize(
    "model",
    [
        one
        for one in vars(schemas).values()
        if isinstance(one, type) and issubclass(one, (Input, schemas.Page, schemas.UpdatesQuery))
    ],
)
def test_none_of_the_validators_own(model: type[BaseModel]) -> None:
    for name in model.model_fields:
        for value in WRONG:
            try:
                model.model_validate({name: value})
            except ValidationError:
                for complaint in complaints(model, {name: value}):
                    assert not VALIDATORS.search(complaint["message"]), (name, value, complaint)
