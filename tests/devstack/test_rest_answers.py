"""What the recorded cases do not show: types, kinds of functions, preferences, errors, limits of the stand-in."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from jwt import api_jws
from starlette.applications import Starlette
from starlette.routing import Mount

from devstack import rest
from devstack.postgres import SUPERUSER, Cluster, free_port
from devstack.rest import app as rest_app
from devstack.rest import database as rest_database
from tests.devstack.rest_fixtures import ACME, KEYS, SECRET, USER1, authorization, scratch, serve_app, serve_stand_in

OBJECT = "application/vnd.pgrst.object+json"
REPRESENTATION = {"Prefer": "return=representation"}


@pytest.fixture(scope="module")
def database(embedded_cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    """The superuser's connection to the database that is served."""
    with (
        scratch(embedded_cluster, "more.sql") as name,
        psycopg.connect(embedded_cluster.dsn(SUPERUSER, name), autocommit=True) as connection,
    ):
        yield connection


@pytest.fixture(scope="module")
def client(embedded_cluster: Cluster, database: psycopg.Connection[Any]) -> Iterator[httpx.Client]:
    """A client that is user1."""
    with (
        serve_stand_in(embedded_cluster, database.info.dbname, schemas=("public", "auth")) as url,
        httpx.Client(base_url=url, headers=authorization("user1")) as made,
    ):
        yield made


@pytest.fixture(autouse=True)
def _emptied(database: psycopg.Connection[Any]) -> None:
    database.execute("truncate public.things, public.texts, public.pairs, public.late restart identity")


def error(reply: httpx.Response) -> tuple[int, str]:
    """The status and the code of a refusal, whose header must tell the same code."""
    assert reply.headers["proxy-status"] == f"PostgREST; error={reply.json()['code']}"
    return reply.status_code, reply.json()["code"]


# Types and defaults


def test_a_row_of_many_types_comes_back_as_postgresql_writes_it(client: httpx.Client) -> None:
    row = {"mood": "loud", "numbers": [3, 4], "n": 5, "day": "2026-02-03", "data": {"a": [1, None, "x"]}}
    reply = client.post("/things", json=row, headers=REPRESENTATION)
    assert reply.json() == [{"id": 1, "doubled": 10, **row}]


def test_an_empty_object_is_one_row_of_defaults_and_two_are_two(client: httpx.Client) -> None:
    assert client.post("/things?select=id,n", content="{}", headers=REPRESENTATION).json() == [{"id": 1, "n": 7}]
    reply = client.post("/things?select=id,n", content="[{},{}]", headers=REPRESENTATION)
    assert reply.json() == [{"id": 2, "n": 7}, {"id": 3, "n": 7}]


def test_missing_default_uses_defaults_of_every_kind(client: httpx.Client) -> None:
    preferred = {"Prefer": "return=representation,missing=default"}
    rows = [{"n": 1}, {"mood": "loud"}]
    reply = client.post("/things?columns=id,n,mood,day&select=id,n,mood,day", json=rows, headers=preferred)
    assert reply.json() == [
        {"id": 1, "n": 1, "mood": "calm", "day": None},
        {"id": 2, "n": 7, "mood": "loud", "day": None},
    ]
    reply = client.patch("/things?columns=n,mood&id=eq.1&select=n,mood", json={"mood": "loud"}, headers=preferred)
    assert reply.json() == [{"n": 7, "mood": "loud"}]


def test_columns_leaves_out_the_other_keys_and_missing_ones_are_null(client: httpx.Client) -> None:
    rows = [{"n": 1, "ignored": True}, {"day": "2026-01-01"}]
    reply = client.post("/things?columns=n,day&select=n,day", json=rows, headers=REPRESENTATION)
    assert reply.json() == [{"n": 1, "day": None}, {"n": None, "day": "2026-01-01"}]


def test_a_generated_column_cannot_be_written(client: httpx.Client) -> None:
    assert error(client.post("/things", json={"doubled": 3})) == (400, "428C9")


def test_form_bodies_are_taken_and_csv_ones_are_named_as_unsupported(client: httpx.Client) -> None:
    assert client.post("/things?select=n", data={"n": "3"}, headers=REPRESENTATION).json() == [{"n": 3}]
    reply = client.post("/things", content="n\n3", headers={"Content-Type": "text/csv"})
    assert error(reply) == (501, "LOCAL501")
    assert "text/csv" in reply.json()["message"]


@pytest.mark.parametrize(
    "kind", [None, "Application/JSON", "application/json; charset=utf-8", "application/vnd.pgrst.array+json"]
)
def test_bodies_that_are_json_by_name(client: httpx.Client, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    assert client.post("/texts", content='[{"value": "a"}, {"value": "b"}]', headers=headers).status_code == 201


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("", ""),
        ("image/png; x=1", "image/png; x=1"),
        ("json", "json"),
        ("*/*", "*/*"),
        ("Application/vnd.pgrst.object+json", "application/vnd.pgrst.object+json"),
        ("application/vnd.pgrst.object; nulls=stripped", "application/vnd.pgrst.object+json;nulls=stripped"),
        ("application/vnd.pgrst.array+json;nulls=stripped", "application/vnd.pgrst.array+json;nulls=stripped"),
    ],
)
@pytest.mark.parametrize("path", ["/texts", "/rpc/echo"])
def test_bodies_of_other_media_types_are_refused(client: httpx.Client, path: str, kind: str, named: str) -> None:
    reply = client.post(path, content='{"value": "a"}', headers={"Content-Type": kind})
    assert (error(reply), reply.json()["message"]) == ((400, "PGRST102"), f"Content-Type not acceptable: {named}")


def test_nulls_are_stripped_on_request(client: httpx.Client) -> None:
    client.post("/texts", json={"value": "a"})
    stripped = {"Accept": "application/vnd.pgrst.array+json;nulls=stripped"}
    reply = client.get("/texts", headers=stripped)
    assert (reply.json(), reply.headers["content-type"]) == (
        [{"value": "a"}],
        "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
    )
    assert client.get("/texts", headers={"Accept": f"{OBJECT};nulls=stripped"}).json() == {"value": "a"}


def test_csv_quotes_what_needs_it(client: httpx.Client) -> None:
    client.post("/texts", json={"value": 'a,"b', "other": None})
    assert client.get("/texts", headers={"Accept": "text/csv"}).text == 'value,other\n"a,""b",'


# Names


def test_names_with_every_odd_character_are_quoted(client: httpx.Client) -> None:
    table = '/odd "name%25s'
    column = '"col \\"umn%25s"'
    assert client.get(f"{table}?select={column},x:sel%3Bect&{column}=eq.1").status_code == 400  # ; is not quoted
    reply = client.get(f'{table}?select={column},x:"sel%3Bect"&{column}=eq.1&order={column}.desc')
    assert reply.json() == [{'col "umn%s': 1, "x": "one"}]
    reply = client.patch(f"{table}?{column}=eq.1", json={"sel;ect": "two"}, headers=REPRESENTATION)
    assert reply.json() == [{'col "umn%s': 1, "sel;ect": "two"}]


@pytest.mark.parametrize(
    "query",
    [
        'select="id\\"; drop table texts; --"',
        'select=id:"x\\", (select 1) as \\"y"',
        "select=value::text)%20from%20texts;--",
        '"value\\" = value or \\"value"=eq.1',
        'order="value\\" desc; drop table texts; --"',
        "value=eq.'; drop table texts; --",
        'value=in.("\'); drop table texts; --")',
        "or=(value.eq.\"' or '1'='1\")",
        "value->>'x' or '1'='1=eq.1",
        "limit=1; drop table texts&offset=0; drop table texts",
    ],
)
def test_nothing_in_a_query_becomes_sql(client: httpx.Client, query: str) -> None:
    client.post("/texts", json={"value": "kept"})
    reply = client.get(f"/texts?{query}")
    assert reply.status_code in (200, 400)
    assert reply.status_code == 400 or all(row == {"value": "kept", "other": None} for row in reply.json())
    assert client.get("/texts").json() == [{"value": "kept", "other": None}]


# Filters, order, ranges


def values(client: httpx.Client, query: str) -> list[Any]:
    """The values of table texts that a query finds."""
    reply = client.get(f"/texts?select=value&{query}")
    assert reply.status_code == 200, reply.text
    return [row["value"] for row in reply.json()]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("value=like(any).{a*,b*}", ["ant", "bee"]),
        ("value=like(all).{*e,b*}", ["bee"]),
        ("value=eq(any).{ant,cow}", ["ant", "cow"]),
        ("value=not.in.(ant,cow)", ["bee"]),
        ("other=isdistinct.x", ["ant", "cow"]),
        ("not.or=(value.eq.ant,value.eq.bee)", ["cow"]),
        ("not.and=(value.eq.ant,other.is.null)", ["bee", "cow"]),
        ('or=(value.in.(ant,bee),other.eq."a,b")', ["ant", "bee", "cow"]),
        ("and=(value.neq.ant,or(other.eq.x,value.eq.zebra))", ["bee"]),
        ("other=is.NULL", ["ant"]),
        ("value=ilike.B*", ["bee"]),
        ("value=wfts(english).bee", ["bee"]),
        ("value=plfts(simple).cows", []),
        ("value=plfts(english).cows", ["cow"]),
        ("value=phfts.ant", ["ant"]),
    ],
)
def test_operators(client: httpx.Client, query: str, found: list[str]) -> None:
    rows = [{"value": "ant", "other": None}, {"value": "bee", "other": "x"}, {"value": "cow", "other": "a,b"}]
    client.post("/texts", json=rows)
    assert values(client, f"{query}&order=value") == found


def test_null_order_and_json_order(client: httpx.Client) -> None:
    rows = [{"value": "a", "other": None}, {"value": "b", "other": "1"}, {"value": "c", "other": "2"}]
    client.post("/texts", json=rows)
    assert values(client, "order=other.nullsfirst") == ["a", "b", "c"]
    assert values(client, "order=other.desc") == ["a", "c", "b"]
    assert values(client, "order=other.desc.nullslast,value") == ["c", "b", "a"]
    client.post("/things", json=[{"data": {"k": [1, 5]}}, {"data": {"k": [1, 2]}}])
    assert client.get("/things?select=k:data->k->1&order=data->k->>1").json() == [{"k": 2}, {"k": 5}]
    assert client.get("/things?select=k:data->k->>-1&data->k->>1=eq.5").json() == [{"k": "5"}]


def test_counts_beyond_the_page_and_ranges_beyond_the_count(client: httpx.Client) -> None:
    client.post("/texts", json=[{"value": str(n)} for n in range(5)])
    exact = {"Prefer": "count=exact"}
    reply = client.get("/texts?order=value&offset=1&limit=2", headers=exact)
    assert (reply.status_code, reply.headers["content-range"]) == (206, "1-2/5")
    reply = client.get("/texts", headers={**exact, "Range": "3-", "Range-Unit": "items"})
    assert (reply.status_code, reply.headers["content-range"]) == (206, "3-4/5")
    assert client.get("/texts", headers={"Range": "0-1,3-4"}).headers["content-range"] == "0-4/*"  # not understood
    assert client.get("/texts?limit=3", headers={"Prefer": "count=estimated"}).headers["content-range"] == "0-2/5"
    assert error(client.get("/texts", headers={"Range": "5-2"})) == (416, "PGRST103")
    assert error(client.get("/texts?limit=-1")) == (416, "PGRST103")


@pytest.mark.parametrize("path", ["/texts?offset=6", "/rpc/count_up?upto=5&offset=6"])
def test_a_window_past_the_end_is_answered_as_rows_are(client: httpx.Client, path: str) -> None:
    client.post("/texts", json=[{"value": str(n)} for n in range(5)])
    reply = client.get(path, headers={"Prefer": "count=exact", "Accept": "text/csv"})
    assert (reply.status_code, reply.headers["content-range"]) == (416, "*/5")
    assert (reply.headers["preference-applied"], reply.headers["content-profile"]) == ("count=exact", "public")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert "proxy-status" not in reply.headers
    assert json.loads(reply.text) == {
        "code": "PGRST103",
        "message": "Requested range not satisfiable",
        "details": "An offset of 6 was requested, but there are only 5 rows.",
        "hint": None,
    }
    assert client.head(path, headers={"Prefer": "count=exact"}).headers["content-range"] == "*/5"


def test_the_server_caps_rows_but_not_writes(embedded_cluster: Cluster, database: psycopg.Connection[Any]) -> None:
    with (
        serve_stand_in(embedded_cluster, database.info.dbname, max_rows=2) as url,
        httpx.Client(base_url=url, headers=authorization("user1")) as capped,
    ):
        written = capped.post("/texts", json=[{"value": str(n)} for n in range(4)], headers=REPRESENTATION)
        assert len(written.json()) == 4
        reply = capped.get("/texts?limit=3", headers={"Prefer": "count=exact"})
        assert (len(reply.json()), reply.headers["content-range"]) == (2, "0-1/4")
        assert len(capped.get("/rpc/count_up?upto=9").json()) == 2
        guessed = capped.get("/texts", headers={"Prefer": "count=estimated"}).headers["content-range"]
        assert int(guessed.removeprefix("0-1/")) >= 3


# Writes


def test_put_writes_one_row_by_its_key(client: httpx.Client) -> None:
    path, row = "/pairs?a=eq.1&b=eq.2", {"a": 1, "b": 2, "note": "x"}
    assert client.put(path, json=row, headers=REPRESENTATION).status_code == 201
    assert client.put(path, json={**row, "note": "y"}, headers=REPRESENTATION).json() == [{**row, "note": "y"}]
    assert client.put(path, json=row).status_code == 204
    assert error(client.put(path, json={**row, "b": 3})) == (400, "PGRST115")
    assert error(client.put(path + "&limit=1", json=row)) == (400, "PGRST114")
    assert error(client.put("/pairs?a=eq.1", json=row)) == (405, "PGRST105")
    assert error(client.put("/pairs?a=eq.1&b=gt.2", json=row)) == (405, "PGRST105")
    assert client.get("/pairs").json() == [row]


def test_upsert_tells_inserts_from_updates(client: httpx.Client) -> None:
    merge = {"Prefer": "resolution=merge-duplicates"}
    rows = [{"a": 1, "b": 1, "note": "x"}]
    assert client.post("/pairs", json=rows, headers=merge).status_code == 201
    assert client.post("/pairs", json=rows, headers=merge).status_code == 200
    reply = client.post("/texts?on_conflict=other", json={"value": "a"}, headers=merge)
    assert error(reply) == (400, "42P10")


def test_location_names_the_whole_key_of_one_row(client: httpx.Client) -> None:
    wanted = {"Prefer": "return=headers-only"}
    assert client.post("/pairs", json={"a": 1, "b": 2}, headers=wanted).headers["location"] == "/pairs?a=eq.1&b=eq.2"
    assert "location" not in client.post("/pairs", json=[{"a": 2, "b": 2}, {"a": 3, "b": 2}], headers=wanted).headers


def test_what_a_write_selects_must_be_there_if_it_is_returned(client: httpx.Client) -> None:
    for preference in ("return=representation", "return=headers-only"):
        reply = client.post("/texts?select=nope", json={"value": "a"}, headers={"Prefer": preference})
        assert (error(reply), reply.json()["message"]) == ((400, "42703"), "column texts.nope does not exist")
        assert error(client.patch("/texts?select=nope", json={"other": "a"}, headers={"Prefer": preference})) == (
            400, "42703",
        )  # fmt: skip
        assert error(client.delete("/texts?select=nope&value=eq.a", headers={"Prefer": preference})) == (400, "42703")
    assert client.get("/texts").json() == []
    assert client.post("/texts?select=nope", json={"value": "a"}).status_code == 201  # nothing is returned


def test_what_a_select_may_not_hold_is_refused_in_writes_that_answer_nothing(client: httpx.Client) -> None:
    assert error(client.post("/texts?select=count()", json={"value": "a"})) == (400, "PGRST123")
    assert error(client.delete("/texts?select=value,teams(name)&value=eq.a")) == (501, "LOCAL501")
    assert client.get("/texts").json() == []


def test_an_empty_select_is_all_columns(client: httpx.Client) -> None:
    reply = client.post("/texts?select=", json={"value": "a"}, headers=REPRESENTATION)
    assert reply.json() == [{"value": "a"}]  # of what a write returns: its key
    assert client.get("/texts?select=").json() == [{"value": "a", "other": None}]
    assert client.get("/rpc/pair?select=").json() == {"x": 1, "y": "one"}
    assert client.get("/rpc/add?a=1&select=").json() == 2


def test_what_is_not_returned_cannot_be_ordered_by(client: httpx.Client) -> None:
    reply = client.post("/texts?select=value&order=other", json={"value": "a"}, headers=REPRESENTATION)
    assert (error(reply), reply.json()["message"]) == ((400, "42703"), "column texts.other does not exist")
    reply = client.get("/rpc/my_notes?select=id&order=title")
    assert (error(reply), reply.json()["message"]) == ((400, "42703"), "column notes.title does not exist")
    assert client.get("/rpc/my_notes?select=id&title=eq.First&order=title").json() == [{"id": 1}]


def test_order_applies_to_what_a_write_answers(client: httpx.Client) -> None:
    rows = [{"value": "b"}, {"value": "a"}]
    reply = client.post("/texts?select=other&order=value", json=rows, headers=REPRESENTATION)
    assert reply.json() == [{"other": None}, {"other": None}]
    reply = client.patch(
        "/texts?select=v:value&order=value.asc&value=in.(a,b)", json={"other": "x"}, headers=REPRESENTATION
    )
    assert reply.json() == [{"v": "a"}, {"v": "b"}]


def test_a_write_that_answers_with_the_wrong_number_of_objects_is_undone(client: httpx.Client) -> None:
    rows = [{"value": "a"}, {"value": "b"}]
    assert error(client.post("/texts", json=rows, headers={"Accept": OBJECT})) == (406, "PGRST116")
    assert client.get("/texts").json() == []


def test_max_affected_undoes_a_delete_and_needs_strict_handling(client: httpx.Client) -> None:
    client.post("/texts", json=[{"value": "a"}, {"value": "b"}])
    limited = {"Prefer": "handling=strict, max-affected=1"}
    assert error(client.delete("/texts?value=gte.a", headers=limited)) == (400, "PGRST124")
    assert error(client.post("/rpc/write_thing", headers=limited)) == (400, "PGRST128")
    assert len(client.get("/texts").json()) == 2
    reply = client.delete("/texts?value=gte.a", headers={"Prefer": "max-affected=1"})
    assert (reply.status_code, "preference-applied" in reply.headers) == (204, False)


def test_deferred_constraints_count_at_commit_and_at_rollback(client: httpx.Client) -> None:
    assert error(client.post("/late", json={"id": 1, "ref": 9})) == (409, "23503")
    assert error(client.post("/late", json={"id": 1, "ref": 9}, headers={"Prefer": "tx=rollback"})) == (409, "23503")
    assert client.get("/late").json() == []


def test_tx_is_refused_where_it_may_not_be_chosen(embedded_cluster: Cluster, database: psycopg.Connection[Any]) -> None:
    with (
        serve_stand_in(embedded_cluster, database.info.dbname, allow_tx_override=False) as url,
        httpx.Client(base_url=url, headers=authorization("user1")) as other,
    ):
        reply = other.post("/texts", json={"value": "kept"}, headers={"Prefer": "tx=rollback"})
        assert "preference-applied" not in reply.headers
        assert other.get("/texts?select=value").json() == [{"value": "kept"}]


# Preferences and media types


def test_strict_handling_names_every_preference_it_does_not_know(client: httpx.Client) -> None:
    reply = client.get("/texts", headers={"Prefer": "handling=strict, colour=blue, return=maybe"})
    assert error(reply) == (400, "PGRST122")
    assert reply.json()["details"] == "Invalid preferences: colour=blue, return=maybe"
    reply = client.get("/texts", headers={"Prefer": "handling=lenient, colour=blue"})
    assert (reply.status_code, reply.headers["preference-applied"]) == (200, "handling=lenient")


def test_timezone_is_a_preference(client: httpx.Client) -> None:
    reply = client.get("/rpc/settings", headers={"Prefer": "timezone=Asia/Tokyo"})
    assert (reply.json()["timezone"], reply.headers["preference-applied"]) == ("Asia/Tokyo", "timezone=Asia/Tokyo")
    assert error(client.get("/rpc/settings", headers={"Prefer": "timezone=Middle/Earth"})) == (400, "22023")


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", "application/json; charset=utf-8"),
        ("image/png, application/json;q=0.5", "application/json; charset=utf-8"),
        ("application/json;q=0.5, text/csv", "text/csv; charset=utf-8"),
        ("application/vnd.pgrst.array+json", "application/json; charset=utf-8"),
        ("application/json;q=0", "application/json; charset=utf-8"),
        ("*/*, text/csv", "text/csv; charset=utf-8"),
        ("application/*, text/csv;q=0.1", "text/csv; charset=utf-8"),
    ],
)
def test_the_best_acceptable_media_type_is_taken(client: httpx.Client, accept: str, answered: str) -> None:
    reply = client.get("/texts", headers={"Accept": accept})
    assert (reply.headers["content-type"], reply.headers["vary"]) == (answered, "Accept, Prefer, Range")


@pytest.mark.parametrize("accept", ["", "application/*", "text/*", "image/png", "application/vnd.pgrst.plan+json"])
@pytest.mark.parametrize("path", ["/texts", "/rpc/add?a=1", "/"])
def test_a_range_of_media_types_is_none_that_can_be_had(client: httpx.Client, path: str, accept: str) -> None:
    reply = client.get(path, headers={"Accept": accept})
    assert error(reply) == (406, "PGRST107")
    assert reply.json()["message"] == f"None of these media types are available: {accept}"


# Functions


def test_arguments_by_get_are_read_by_their_types(client: httpx.Client) -> None:
    assert client.get("/rpc/add?a=2&b=40").json() == 42
    assert client.get("/rpc/take?items=[1,2]").status_code == 200
    assert client.get("/rpc/total?numbers=1&numbers=2").json() == 3
    assert client.get("/rpc/count_up?upto=3").json() == [1, 2, 3]
    assert client.get("/rpc/count_up?upto=9&limit=2&offset=1", headers={"Prefer": "count=exact"}).json() == [2, 3]
    assert client.get("/rpc/my_notes?select=id&order=id.desc&id=lt.3").json() == [{"id": 2}, {"id": 1}]
    assert client.head("/rpc/add?a=1").content == b""
    assert error(client.get("/rpc/add?a=x")) == (400, "22P02")


def test_bodies_of_functions(client: httpx.Client) -> None:
    assert client.post("/rpc/total", json={"numbers": [1, 2, 3]}).json() == 6
    assert client.post("/rpc/echo", json={"any": {"thing": [1, None]}}).json() == {"any": {"thing": [1, None]}}
    assert client.post("/rpc/echo", json=[{"a": 1}, {"a": 2}]).json() == [{"a": 1}, {"a": 2}]
    assert client.post("/rpc/pair").json() == {"x": 1, "y": "one"}
    assert client.post("/rpc/pair?select=y").json() == {"y": "one"}
    assert client.post("/rpc/add", json=[{"a": 1, "b": 1}]).json() == 2
    assert client.post("/rpc/add", data={"a": "1", "b": "4"}).json() == 5
    assert error(client.post("/rpc/echo", content="x", headers={"Content-Type": "text/plain"})) == (501, "LOCAL501")


def test_a_single_value_has_no_columns_but_itself(client: httpx.Client) -> None:
    for reply in (client.get("/rpc/add?a=1&select=nope"), client.post("/rpc/add?select=nope", json={"a": 1})):
        assert (error(reply), reply.json()["message"]) == ((400, "42703"), "column add.nope does not exist")
    for call in ("count_up?upto=2", "write_thing", "nothing"):
        name, _, query = call.partition("?")
        assert error(client.post(f"/rpc/{name}?select=nope", json={"upto": 2} if query else {})) == (400, "42703")
    assert client.get("/things").json() == [], "the call was undone"
    assert client.get("/rpc/add?a=1&select=pgrst_scalar").json() == 2


def test_overloads_that_cannot_be_told_apart(client: httpx.Client) -> None:
    assert error(client.post("/rpc/overloaded", json={"a": 1})) == (300, "PGRST203")


def test_a_request_runs_as_its_role_with_its_claims_and_settings(client: httpx.Client) -> None:
    made = client.get("/rpc/settings", headers={"Cookie": "a=b", "X-Custom": "1"}).json()
    assert (made["user"], made["claims"]["sub"], made["claims"]["role"]) == ("authenticated", USER1, "authenticated")
    assert (made["method"], made["path"], made["read_only"]) == ("GET", "/rpc/settings", "on")
    assert (made["headers"]["x-custom"], made["cookies"], "cookie" in made["headers"]) == ("1", {"a": "b"}, False)
    anonymous = client.get("/rpc/settings", headers={"Authorization": ""}).json()
    assert (anonymous["user"], anonymous["claims"]) == ("anon", {"role": "anon"})


def test_who_may_write_in_a_call(client: httpx.Client) -> None:
    assert client.post("/rpc/settings").json()["read_only"] == "on"
    assert client.post("/rpc/volatile_settings").json()["read_only"] == "off"
    assert client.get("/rpc/volatile_settings").json()["read_only"] == "on"
    assert error(client.get("/rpc/write_thing")) == (405, "25006")
    assert client.post("/rpc/write_thing").json() == 1


def test_functions_can_set_the_answer(client: httpx.Client) -> None:
    reply = client.post("/rpc/teapot")
    assert (reply.status_code, reply.json()) == (418, "short and stout")
    assert (reply.headers["x-pot"], reply.headers["cache-control"]) == ("tea", "no-store")
    assert error(client.post("/rpc/bad_headers")) == (500, "PGRST111")


def test_errors_that_functions_make(client: httpx.Client) -> None:
    reply = client.post("/rpc/custom_error")
    assert error(reply) == (402, "123")
    assert reply.json() == {
        "code": "123", "message": "Payment required", "details": "Quota exceeded", "hint": "Upgrade",
    }  # fmt: skip
    assert reply.headers["x-powered-by"] == "Nerd Rage"
    assert error(client.post("/rpc/broken_custom_error")) == (500, "PGRST121")
    assert error(client.post("/rpc/strange_status")) == (999, "PT999")
    assert error(client.post("/rpc/no_status")) == (500, "PT9AB")


# Identity


def test_tokens_that_are_refused_or_name_a_role_that_is_not_there(client: httpx.Client) -> None:
    reply = client.get("/texts", headers=authorization("badrole"))
    assert error(reply) == (401, "22023")
    assert reply.headers["www-authenticate"] == "Bearer"
    reply = client.get("/texts", headers={"Authorization": "Bearer"})
    assert (error(reply), reply.json()["message"]) == (
        (401, "PGRST301"), "Empty JWT is sent in Authorization header",
    )  # fmt: skip
    assert error(client.get("/texts", headers={"Authorization": "Bearer a.b.c"})) == (401, "PGRST301")
    unsigned = jwt.encode({"role": "service_role"}, "", "none")
    reply = client.get("/texts", headers={"Authorization": f"Bearer {unsigned}"})
    assert (error(reply), reply.json()["message"]) == (
        (401, "PGRST301"), "Wrong or unsupported encoding algorithm",
    )  # fmt: skip
    reply = client.get("/texts", headers={"Authorization": f"Bearer {jwt.api_jws.encode(b'[]', SECRET)}"})
    assert (error(reply), reply.json()["message"]) == ((401, "PGRST303"), "Parsing claims failed")
    assert error(client.get("/texts", headers={"Authorization": "Basic abc"})) == (401, "42501")  # that is anon


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": -28}, None),
        ({"exp": -40}, "JWT expired"),
        ({"exp": 3600.5}, "JWT expired"),
        ({"exp": "soon"}, "The JWT 'exp' claim must be a number"),
        ({"iat": 28, "nbf": 28}, None),
        ({"iat": 40}, "JWT issued at future"),
        ({"iat": 40.5, "nbf": 40.5}, None),
        ({"nbf": 40}, "JWT not yet valid"),
        ({"nbf": True}, "The JWT 'nbf' claim must be a number"),
        ({"aud": ["other", "authenticated"]}, None),
        ({"aud": []}, None),
        ({"aud": None, "exp": None, "sub": 1, "jti": 1, "iss": 1}, None),
        ({"aud": "other"}, "JWT not in audience"),
        ({"aud": 1}, "The JWT 'aud' claim must be a string or an array of strings"),
    ],
)
def test_clocks_may_differ_by_half_a_minute_and_count_whole_seconds(
    client: httpx.Client, claims: dict[str, Any], message: str | None
) -> None:
    """The times of the claims are seconds from now."""
    now = int(time.time())
    made = {
        name: now + value if name in ("exp", "iat", "nbf") and type(value) in (int, float) else value
        for name, value in claims.items()
    }
    token = api_jws.encode(json.dumps({"role": "authenticated", **made}).encode(), SECRET)
    reply = client.get("/texts", headers={"Authorization": f"Bearer {token}"})
    if message is None:
        assert reply.status_code == 200, reply.text
    else:
        assert (error(reply), reply.json()["message"]) == ((401, "PGRST303"), message)


def test_a_token_that_names_a_key_that_is_not_there_is_refused(client: httpx.Client) -> None:
    claims = {"role": "authenticated", "exp": int(time.time()) + 60}
    for token in (
        replace(KEYS, kid="another").sign(claims),
        jwt.encode(claims, SECRET, headers={"kid": KEYS.kid}),
        jwt.encode(claims, SECRET * 2, algorithm="HS512"),
    ):
        reply = client.get("/texts", headers={"Authorization": f"Bearer {token}"})
        assert (error(reply), reply.json()["message"]) == ((401, "PGRST301"), "No suitable key or wrong key type")
        assert reply.json()["details"] == "No suitable key was found to decode the JWT"
    for token in (KEYS.sign(claims), jwt.encode(claims, SECRET)):
        assert client.get("/texts", headers={"Authorization": f"Bearer {token}"}).status_code == 200


# Schemas and the cache


def test_profiles_choose_the_schema(client: httpx.Client) -> None:
    reply = client.get("/rpc/uid", headers={"Accept-Profile": "auth"})
    assert (reply.json(), reply.headers["content-profile"]) == (USER1, "auth")
    assert client.post("/rpc/uid", headers={"Content-Profile": "auth"}).json() == USER1
    assert error(client.get("/texts", headers={"Accept-Profile": "auth"})) == (404, "PGRST205")
    assert error(client.post("/texts", headers={"Content-Profile": "pg_catalog"})) == (406, "PGRST106")


def test_what_is_new_in_the_database_is_found_without_being_told(
    client: httpx.Client, database: psycopg.Connection[Any]
) -> None:
    assert error(client.get("/fresh")) == (404, "PGRST205")
    database.execute("create table public.fresh (id int); grant all on public.fresh to authenticated")
    assert client.get("/fresh").json() == []
    database.execute("alter table public.fresh add column name text")
    assert client.post("/fresh", json={"name": "x"}).status_code == 201
    database.execute("create function public.fresh() returns int language sql as 'select 1'")
    assert client.post("/rpc/fresh").json() == 1


def test_a_notification_reloads_the_schema(client: httpx.Client, database: psycopg.Connection[Any]) -> None:
    database.execute("create function public.shape() returns int language sql as 'select 1'")
    assert client.post("/rpc/shape").json() == 1
    database.execute("drop function public.shape()")
    database.execute("create function public.shape() returns setof int language sql as 'select 1'")
    database.execute("notify pgrst, 'reload schema'")
    assert any(client.post("/rpc/shape").json() == [1] for _ in range(500))


# Methods, paths, limits


def test_options_without_a_preflight_tells_the_methods(client: httpx.Client) -> None:
    assert client.options("/texts").headers["allow"] == "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"
    assert client.options("/rpc/my_notes").headers["allow"] == "OPTIONS,GET,HEAD,POST"
    assert client.options("/rpc/write_thing").headers["allow"] == "OPTIONS,POST"
    assert client.options("/").headers["allow"] == "OPTIONS,GET,HEAD"
    assert error(client.options("/rpc/nope")) == (404, "PGRST202")


def test_options_look_for_a_function_without_arguments(client: httpx.Client) -> None:
    reply = client.options("/rpc/add")
    assert (error(reply), reply.json()["message"]) == (
        (404, "PGRST202"), "Could not find the function public.add without parameters in the schema cache",
    )  # fmt: skip
    assert error(client.options("/rpc/overloaded")) == (404, "PGRST202")
    assert error(client.options("/rpc/my_notes?since=now")) == (400, "PGRST100")


def test_browsers_may_read_answers_and_errors(client: httpx.Client) -> None:
    for path in ("/texts", "/nope"):
        reply = client.get(path, headers={"Origin": "http://localhost:3000"})
        assert reply.headers["access-control-allow-origin"] == "*"
        assert "Content-Range" in reply.headers["access-control-expose-headers"]
    asked = {"Origin": "x", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "apikey,prefer"}
    reply = client.options("/texts", headers=asked)
    assert reply.headers["access-control-allow-headers"] == "Authorization, apikey,prefer"
    assert "PUT" in reply.headers["access-control-allow-methods"]


def test_paths_and_methods_that_are_none(client: httpx.Client) -> None:
    assert error(client.get("/a/b")) == (404, "PGRST125")
    assert error(client.get("/rpc/a/b")) == (404, "PGRST125")
    assert error(client.request("TRACE", "/texts")) == (405, "PGRST117")
    assert error(client.request("DELETE", "/rpc/add")) == (405, "PGRST101")
    assert error(client.post("/")) == (405, "PGRST117")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/notes?select=id,teams(name)", "embedding the resource 'teams'"),
        ("/notes?select=id,...teams(name)", "embedding the resource 'teams'"),
        ("/notes?order=teams(name).desc", "embedded resource 'teams'"),
        ("/", "OpenAPI"),
    ],
)
def test_what_is_not_supported_is_named(client: httpx.Client, path: str, named: str) -> None:
    reply = client.get(path)
    assert error(reply) == (501, "LOCAL501")
    assert named in reply.json()["message"]


def test_filters_on_what_is_not_embedded(client: httpx.Client) -> None:
    for query in ("teams.name=eq.x", "teams.order=name", "teams.limit=1", "teams.or=(a.eq.1)"):
        assert error(client.get(f"/notes?{query}")) == (400, "PGRST108")


def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_app, "MAX_BODY", 1000)
    body = json.dumps({"value": "x" * 1000}).encode()
    assert error(client.post("/texts", content=body)) == (413, "LOCAL413")
    assert error(client.post("/texts", content=iter([body[:600], body[600:]]))) == (413, "LOCAL413")


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000, b"NaN", b"[1]", b'{"a":1}x', b""])
def test_bodies_that_are_no_json_objects(client: httpx.Client, body: bytes) -> None:
    assert error(client.post("/texts", content=body)) == (400, "PGRST102")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("value=eq.a%00b", ["a"]),
        ("value=like.*%00*", ["a", "b"]),
        ("value=in.(a%00b,%00)", ["a"]),
        ("or=(value.eq.b%00,other.eq.%00)", ["b"]),
        ('"value%00x"=eq.a', ["a"]),
        ("value->>%00=is.null", ["a", "b"]),
    ],
)
def test_a_text_in_a_query_ends_at_a_nul(client: httpx.Client, query: str, found: list[str]) -> None:
    client.post("/texts", json=[{"value": "a"}, {"value": "b"}])
    assert values(client, query) == found


def test_nul_characters_elsewhere(client: httpx.Client) -> None:
    assert client.get("/rpc/add?a=2%003").json() == 3
    assert error(client.get("/rpc/total?numbers=1%00&numbers=2")) == (400, "22021")
    assert error(client.post("/texts", json={"value": "\0"})) == (400, "22P05")
    assert error(client.post("/texts?columns=value", content=b'{"value": "a"}\0')) == (400, "22021")
    assert error(client.get("/te%00xts")) == (404, "PGRST205")


# Without a database


def test_a_database_that_is_down_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_database, "POOL_TIMEOUT", 0.2)
    app = rest.create_app(f"postgresql://authenticator@127.0.0.1:{free_port()}/postgres", KEYS.read)
    with serve_app(app) as url:
        assert error(httpx.get(f"{url}/notes")) == (503, "PGRST000")
        assert httpx.head(url).status_code == 200


def test_connections_that_were_cut_are_replaced(client: httpx.Client, database: psycopg.Connection[Any]) -> None:
    assert client.get("/texts").status_code == 200
    database.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'authenticator'")
    assert client.get("/texts").status_code == 200


def test_mounted_below_a_path_with_its_lifespan_run_by_the_outer_application(
    embedded_cluster: Cluster, database: psycopg.Connection[Any]
) -> None:
    inner = rest.create_app(embedded_cluster.dsn("authenticator", database.info.dbname), KEYS.read)

    @contextlib.asynccontextmanager
    async def opened(_: Starlette) -> Any:
        async with rest.lifespan(inner):
            yield

    with serve_app(Starlette(routes=[Mount("/rest/v1", app=inner)], lifespan=opened)) as url:
        headers = authorization("user1")
        assert httpx.get(f"{url}/rest/v1/teams?select=id", headers=headers).json() == [{"id": ACME}]
        assert httpx.get(f"{url}/rest/v1/rpc/settings", headers=headers).json()["path"] == "/rpc/settings"
