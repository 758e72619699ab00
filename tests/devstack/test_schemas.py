"""Several exposed schemas: clients choose one by `Accept-Profile` and `Content-Profile` (PostgREST: Schemas)."""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator

import httpx
import pytest
from postgrest import APIError
from supabase import ClientOptions, create_client

from devstack.migrate import exposed_schemas
from tests.devstack.gateway_fixtures import Database, Gateway
from tests.devstack.node_client import node_command

SCHEMAS = ("public", "shelf", "attic")
#: The same names in two schemas, and a third that holds nothing.
SETUP = """
create schema shelf;
create schema attic;
create schema cellar;
grant usage on schema shelf, attic, cellar to anon;
create table public.books (title text primary key);
create table shelf.books (title text primary key);
create table cellar.books (title text primary key);
insert into public.books values ('Of public');
insert into shelf.books values ('Of shelf');
grant select, insert, update, delete on public.books, shelf.books, cellar.books to anon;
create function public.twice(n integer) returns integer language sql immutable as 'select 0';
create function shelf.twice(n integer) returns integer language sql immutable as 'select 2 * n';
"""
CLEAN_UP = "drop schema shelf, attic, cellar cascade; drop table public.books; drop function public.twice"


@pytest.fixture(scope="module")
def library(
    scratch_database: Database, start_gateway: Callable[..., contextlib.AbstractContextManager[Gateway]]
) -> Iterator[Gateway]:
    """A gateway that exposes three schemas, of four that there are."""
    scratch_database.execute(SETUP)
    try:
        with start_gateway(schemas=SCHEMAS) as running:
            yield running
    finally:
        scratch_database.execute(CLEAN_UP)


@pytest.fixture
def client(library: Gateway) -> Iterator[httpx.Client]:
    with library.client() as opened:
        yield opened


def titles(answer: httpx.Response) -> list[str]:
    assert answer.is_success, answer.text
    return [row["title"] for row in answer.json()]


def test_the_product_s_schema_is_exposed_beside_the_usual_ones() -> None:
    assert exposed_schemas()[0] == "public", "the default, as the host's clients expect"
    assert "pagerduty" in exposed_schemas()


@pytest.mark.parametrize(("chosen", "found"), [(None, "public"), ("public", "public"), ("shelf", "shelf")])
def test_reads_are_from_the_chosen_schema_or_the_first(client: httpx.Client, chosen: str | None, found: str) -> None:
    headers = {"Accept-Profile": chosen} if chosen else {}
    answer = client.get("/rest/v1/books", headers=headers)
    assert titles(answer) == [f"Of {found}"]
    assert answer.headers["content-profile"] == found
    assert client.head("/rest/v1/books", headers=headers).headers["content-profile"] == found


@pytest.mark.parametrize(("chosen", "found"), [(None, "public"), ("public", "public"), ("shelf", "shelf")])
def test_writes_go_to_the_chosen_schema_or_the_first(
    client: httpx.Client, scratch_database: Database, chosen: str | None, found: str
) -> None:
    headers = {"Prefer": "return=representation", **({"Content-Profile": chosen} if chosen else {})}
    where = {"title": "eq.New"}

    def stored(schema: str) -> list[str]:
        return [row[0] for row in scratch_database.execute(f"select title from {schema}.books order by title")]

    made = client.post("/rest/v1/books", json={"title": "New"}, headers=headers)
    assert (titles(made), made.headers["content-profile"]) == (["New"], found)
    assert [schema for schema in ("public", "shelf") if "New" in stored(schema)] == [found]
    changed = client.patch("/rest/v1/books", params=where, json={"title": "Newer"}, headers=headers)
    assert (titles(changed), changed.headers["content-profile"]) == (["Newer"], found)
    again = client.put("/rest/v1/books", params={"title": "eq.Newer"}, json={"title": "Newer"}, headers=headers)
    assert (titles(again), again.headers["content-profile"]) == (["Newer"], found)
    gone = client.delete("/rest/v1/books", params={"title": "eq.Newer"}, headers=headers)
    assert (titles(gone), gone.headers["content-profile"]) == (["Newer"], found)
    assert (stored("public"), stored("shelf")) == (["Of public"], ["Of shelf"])


@pytest.mark.parametrize(("chosen", "answered"), [(None, 0), ("shelf", 42)])
def test_functions_are_of_the_chosen_schema_or_the_first(
    client: httpx.Client, chosen: str | None, answered: int
) -> None:
    posted = client.post("/rest/v1/rpc/twice", json={"n": 21}, headers={"Content-Profile": chosen} if chosen else {})
    got = client.get("/rest/v1/rpc/twice?n=21", headers={"Accept-Profile": chosen} if chosen else {})
    assert [posted.json(), got.json()] == [answered, answered]
    assert posted.headers["content-profile"] == got.headers["content-profile"] == (chosen or "public")


def test_each_kind_of_request_has_its_header_and_the_other_one_says_nothing(client: httpx.Client) -> None:
    assert titles(client.get("/rest/v1/books", headers={"Content-Profile": "shelf"})) == ["Of public"]
    assert client.post("/rest/v1/rpc/twice", json={"n": 21}, headers={"Accept-Profile": "shelf"}).json() == 0


@pytest.mark.parametrize("schema", ["nowhere", "cellar", "pg_catalog", "PUBLIC", "public, shelf", ""])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/books"), ("POST", "/books"), ("PATCH", "/books"), ("DELETE", "/books"), ("GET", "/rpc/twice?n=1"),
        ("POST", "/rpc/twice"),
    ],
)  # fmt: skip
def test_a_schema_that_is_not_exposed(client: httpx.Client, method: str, path: str, schema: str) -> None:
    """There or not, exposed is what counts; PostgREST names those that are."""
    header = "Accept-Profile" if method == "GET" else "Content-Profile"
    answer = client.request(method, f"/rest/v1{path}", headers={header: schema}, json=None if method == "GET" else {})
    assert answer.status_code == 406
    assert answer.json() == {
        "code": "PGRST106",
        "message": f"Invalid schema: {schema}",
        "details": None,
        "hint": "Only the following schemas are exposed: public, shelf, attic",
    }


def test_what_only_another_schema_has_is_not_found(client: httpx.Client) -> None:
    missing = client.get("/rest/v1/books", headers={"Accept-Profile": "attic"})
    assert (missing.status_code, missing.json()["code"]) == (404, "PGRST205")
    assert "attic.books" in missing.json()["message"]
    uncalled = client.post("/rest/v1/rpc/twice", json={"n": 1}, headers={"Content-Profile": "attic"})
    assert (uncalled.status_code, uncalled.json()["code"]) == (404, "PGRST202")
    assert "attic.twice" in uncalled.json()["message"]


def test_scripts_of_other_origins_may_choose_a_schema(client: httpx.Client) -> None:
    for wanted in ("accept-profile", "content-profile"):
        asked = {
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": f"apikey, {wanted}",
        }
        answer = client.options("/rest/v1/books", headers=asked)
        assert answer.status_code == 200
        allowed = answer.headers["access-control-allow-headers"].lower()
        assert wanted in [name.strip() for name in allowed.split(",")]


def test_the_python_client_with_a_schema_chosen(library: Gateway) -> None:
    client = create_client(library.url, library.keys.publishable_key)
    settled = create_client(library.url, library.keys.publishable_key, ClientOptions(schema="shelf"))
    assert client.table("books").select("title").execute().data == [{"title": "Of public"}]
    assert client.schema("shelf").table("books").select("title").execute().data == [{"title": "Of shelf"}]
    assert settled.table("books").insert({"title": "From python"}).execute().data == [{"title": "From python"}]
    assert settled.rpc("twice", {"n": 21}).execute().data == 42
    settled.table("books").delete().eq("title", "From python").execute()
    with pytest.raises(APIError) as refused:
        client.schema("nowhere").table("books").select("*").execute()
    assert refused.value.code == "PGRST106"


def test_the_javascript_client_with_a_schema_chosen(library: Gateway) -> None:
    command = node_command("schemas.cjs", library.url, library.keys.publishable_key)
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "made": {"title": "From node"},
        "read": [{"title": "From node"}],
        "first": [{"title": "Of public"}],
        "called": 42,
        "wrong": "PGRST106",
        "status": 406,
    }
