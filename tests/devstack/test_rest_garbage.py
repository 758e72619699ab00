"""Whatever stands in a query string or a body, the stand-in answers or refuses; it never breaks."""

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.postgres import Cluster
from tests.devstack.rest_fixtures import authorization, scratch, serve_stand_in

several = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)

tokens = st.sampled_from(
    [*"()\"\\,.:!*{}-&=%+ ';<>[]", "->", "->>", "::", "id", "title", "tags", "data", "eq", "not", "and", "or", "in",
     "is", "null", "select", "order", "limit", "offset", "on_conflict", "columns", "like", "fts", "cs", "sl", "any",
     "1", "-1", "99999999999999999999", "%00", "%ff", "text", "int", "nullslast", "desc", "notes"]
)  # fmt: skip
queries = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(tokens, max_size=25).map("".join),
    st.builds(
        lambda key, operator, value: f"{key}={operator}.{value}",
        st.sampled_from(["id", "title", "tags", "data->k", "data->>k", "score", "created_at", "done"]),
        st.sampled_from(
            ["eq", "gt", "like", "ilike(any)", "match", "imatch", "is", "in", "cs", "cd", "ov", "sl", "sr", "nxr",
             "nxl", "adj", "fts", "plfts(english)", "phfts(x)", "wfts", "isdistinct", "not.eq", "not.in"]
        ),
        st.one_of(texts, st.lists(tokens, max_size=8).map("".join)),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def raw(embedded_cluster: Cluster) -> Iterator[httpx.Client]:
    """A client that is user1."""
    with (
        scratch(embedded_cluster) as database,
        serve_stand_in(embedded_cluster, database) as url,
        httpx.Client(base_url=url, headers=authorization("user1")) as client,
    ):
        yield client


def encoded(query: str) -> str:
    """The query with what no URL may have percent-encoded, and the rest, percent signs too, as it is."""
    return quote(query, safe="!\"$&'()*+,-./:;<=>?@[]^_`{|}~%\\")


@several
@given(queries, st.sampled_from(["/notes", "/rpc/my_notes", "/rpc/add", "/open_notes"]))
def test_no_query_string_breaks_the_server(raw: httpx.Client, query: str, path: str) -> None:
    reply = raw.get(f"{path}?{encoded(query)}")
    assert reply.status_code < 500 or reply.status_code == 501, (query, reply.text)


@several
@given(queries, st.sampled_from(["POST", "PATCH", "PUT", "DELETE"]), st.text(max_size=20).map(str.encode) | st.binary())
def test_no_write_breaks_the_server(raw: httpx.Client, query: str, method: str, body: bytes) -> None:
    reply = raw.request(method, f"/notes?{encoded(query)}", content=body, headers={"Prefer": "tx=rollback"})
    assert reply.status_code < 500 or reply.status_code == 501, (query, reply.text)
