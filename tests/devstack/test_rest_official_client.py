"""The official Python client against the stand-in: what it sends is understood, what it reads is there."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from postgrest import APIError, CountMethod, ReturnMethod, SyncPostgrestClient

from devstack.postgres import Cluster
from tests.devstack.rest_fixtures import ACME, BETA, authorization, scratch, serve_stand_in

#: SyncPostgrestClient, but for its rows, whose types say nothing of columns.
Client: TypeAlias = Any
#: Everything PostgreSQL takes in a text: all but NUL and lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
several = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def url(embedded_cluster: Cluster) -> Iterator[str]:
    """The stand-in over a database of this module's own."""
    with scratch(embedded_cluster, "more.sql") as database, serve_stand_in(embedded_cluster, database) as served:
        yield served


@pytest.fixture(scope="module")
def user(url: str) -> SyncPostgrestClient:
    """The client of user1."""
    return SyncPostgrestClient(url, headers=authorization("user1"))


@pytest.fixture(scope="module")
def service(url: str) -> SyncPostgrestClient:
    """The client of the service role."""
    return SyncPostgrestClient(url, headers=authorization("service"))


@pytest.fixture(autouse=True)
def _three_notes(service: Client) -> None:
    """The three notes of team Acme and the one of Beta, and nothing else."""
    service.table("notes").delete().gt("id", 4).execute()


def ids(query: Any) -> list[int]:
    """The ids that a query on notes finds, in their order."""
    return [row["id"] for row in query.order("id").execute().data]


def test_select_with_columns_aliases_and_json_paths(user: Client) -> None:
    found = user.table("notes").select("nr:id", "title", "n:data->k->n", "score::text").eq("id", 1).execute()
    assert found.data == [{"nr": 1, "title": "First", "n": 1, "score": "1.50"}]


def test_filters(user: Client) -> None:
    notes = user.table("notes")

    def select() -> Any:
        return notes.select("id")

    assert ids(select().eq("title", "Second, with comma")) == [2]
    assert ids(select().neq("id", 1)) == [2, 3]
    assert ids(select().gt("id", 1).lt("id", 3)) == [2]
    assert ids(select().gte("id", 2).lte("id", 2)) == [2]
    assert ids(select().like("title", "%ir%")) == [1, 3]
    assert ids(select().ilike("title", "*FIRST*")) == [1]
    assert ids(select().is_("body", "null")) == [2]
    assert ids(select().not_.is_("body", None)) == [1, 3]
    assert ids(select().is_("done", True)) == [2]
    assert ids(select().in_("title", ["First", 'Third (paren) "quote"', "Second, with comma"])) == [1, 2, 3]
    assert ids(select().in_("id", [])) == []
    assert ids(select().contains("tags", ["blue"])) == [1, 2]
    assert ids(select().contains("data", {"k": {"n": 2}})) == [2]
    assert ids(select().contained_by("tags", ["blue", "green"])) == [2, 3]
    assert ids(select().overlaps("tags", ["red", "green"])) == [1]
    assert ids(select().not_.eq("done", True)) == [1, 3]
    assert ids(select().or_('id.eq.1,and(id.gt.2,title.like."*(paren)*")')) == [1, 3]
    assert ids(select().or_("id.eq.1,id.eq.2").or_("done.is.true,id.eq.3")) == [2]
    assert ids(select().match({"done": "false", "id": "3"})) == [3]
    assert ids(select().text_search("title", "first")) == [1]
    assert ids(select().like_any_of("title", "First*,Second*")) == [1, 2]


def test_order_limit_range_and_count(user: Client) -> None:
    notes = user.table("notes")
    by_score = notes.select("id").order("score", desc=True, nullsfirst=False).order("id").execute()
    assert [row["id"] for row in by_score.data] == [1, 3, 2]
    page = notes.select("id", count=CountMethod.exact).order("id").range(1, 2).execute()
    assert (page.data, page.count) == ([{"id": 2}, {"id": 3}], 3)
    assert notes.select("id").order("id", desc=True).limit(1).offset(1).execute().data == [{"id": 2}]
    head = notes.select("id", count=CountMethod.exact, head=True).execute()
    assert (head.data, head.count) == ([], 3)
    assert isinstance(notes.select("id", count=CountMethod.planned).execute().count, int)
    assert notes.select("id", count=CountMethod.estimated).execute().count == 3


def test_single_objects_and_csv(user: Client) -> None:
    notes = user.table("notes")
    assert notes.select("title").eq("id", 1).single().execute().data == {"title": "First"}
    assert notes.select("title").eq("id", 1).maybe_single().execute().data == {"title": "First"}
    assert notes.select("title").eq("id", 999).maybe_single().execute() is None
    with pytest.raises(APIError) as refused:
        notes.select("title").single().execute()
    assert refused.value.code == "PGRST116"
    assert notes.select("id,title").eq("id", 1).csv().execute().data == "id,title\n1,First"


def test_insert_update_and_delete(user: Client) -> None:
    notes = user.table("notes")
    made = notes.insert({"team_id": ACME, "title": "one", "tags": ["a", "b"], "data": {"x": [1]}}).execute().data[0]
    assert (made["tags"], made["data"], made["done"]) == (["a", "b"], {"x": [1]}, False)
    rows = [{"team_id": ACME, "title": "two"}, {"team_id": ACME, "title": "three", "done": True}]
    many = notes.insert(rows, default_to_null=False, count=CountMethod.exact).execute()
    assert ([row["done"] for row in many.data], many.count) == ([False, True], 2)
    changed = notes.update({"body": "changed"}, count=CountMethod.exact).gte("id", made["id"]).execute()
    assert ([row["body"] for row in changed.data], changed.count) == (["changed"] * 3, 3)
    gone = notes.delete(count=CountMethod.exact).gte("id", made["id"]).execute()
    assert ([row["title"] for row in gone.data], gone.count) == (["one", "two", "three"], 3)
    assert notes.insert({"team_id": ACME, "title": "quiet"}, returning=ReturnMethod.minimal).execute().data == []


def test_upsert(service: Client) -> None:
    teams = service.table("teams")
    assert teams.upsert({"id": BETA, "name": "Bêta"}).execute().data == [{"id": BETA, "name": "Bêta"}]
    assert teams.upsert({"id": BETA, "name": "no"}, ignore_duplicates=True).execute().data == []
    again = teams.upsert([{"id": BETA, "name": "Bêta"}], on_conflict="name").execute()
    assert again.data == [{"id": BETA, "name": "Bêta"}]


def test_rpc_by_post_and_by_get(user: Client) -> None:
    assert user.rpc("add", {"a": 2, "b": 3}).execute().data == 5
    assert user.rpc("add", {"a": 2}, get=True).execute().data == 3
    assert user.rpc("count_up", {"upto": 2}, head=True, count=CountMethod.exact).execute().count == 2
    assert user.rpc("take", {"items": [1, {"a": "é"}]}).execute().data == {"count": 2, "items": [1, {"a": "é"}]}
    notes = user.rpc("my_notes", {"since": "2026-01-01T12:00:00Z"}).select("id").order("id", desc=True).limit(1)
    assert notes.execute().data == [{"id": 3}]
    assert user.rpc("nothing", {}).execute().data == []
    assert user.rpc("total", {"numbers": [1, 2, 3]}).execute().data == 6


def test_errors_reach_the_client_whole(user: Client) -> None:
    with pytest.raises(APIError) as refused:
        user.rpc("fail", {"code": "c1", "message": "conflict here"}).execute()
    error = refused.value
    assert (error.code, error.message, error.details, error.hint) == ("PT409", "conflict here", "c1", "try later")
    with pytest.raises(APIError) as refused:
        user.table("notes").insert({"team_id": BETA, "title": "intruder"}).execute()
    assert refused.value.code == "42501"
    with pytest.raises(APIError) as refused:
        user.table("notes").select("id,teams(name)").execute()
    assert "embedding" in str(refused.value.message)


@several
@given(texts)
@example('a,b.c:(d)"e"\\f\\"')
@example(" spaces at both ends\t")
@example("{a,b}")
@example("100%_*")
@example("null")
def test_any_text_is_found_again(user: Client, value: str) -> None:
    """Through `eq`, `neq`, `in`, `or` and by the primary key of an upsert, as the client writes them."""
    table = user.table("texts")
    assert table.upsert({"value": value, "other": value}).execute().data == [{"value": value, "other": value}]
    assert table.select("value").eq("value", value).execute().data == [{"value": value}]
    assert table.select("value").eq("value", value).neq("other", value).execute().data == []
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    assert table.select("value").or_(f'value.eq."{escaped}"').execute().data == [{"value": value}]
    listed = table.select("value").or_(f'value.in.("{escaped}","\\"")').eq("other", value).execute().data
    assert listed == ([{"value": value}] if (escaped, "") != ("", "") or value == "" else [])
    if value == value.strip() and value:  # the client does not quote blanks, which PostgREST skips
        assert table.select("value").in_("value", [value, "x"]).eq("other", value).execute().data == [{"value": value}]
