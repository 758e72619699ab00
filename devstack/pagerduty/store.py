"""What the sandbox remembers: documents by kind and id, in memory and, where it has a file, in SQLite."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Store:
    """Documents, each a JSON object with an `id`. What has been put survives a killed sandbox.

    `changes` counts what was put and deleted.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.changes = 0
        self._kinds: dict[str, dict[str, Document]] = {}
        self._database = sqlite3.connect(file or ":memory:", isolation_level=None, check_same_thread=False)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = normal")  # a killed process loses nothing, a power cut may
        self._database.execute(
            "create table if not exists documents (kind text, id text, document text, primary key (kind, id))"
        )
        for kind, document in self._database.execute("select kind, document from documents order by rowid"):
            found = json.loads(document)
            self._kinds.setdefault(kind, {})[found["id"]] = found

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is put within is kept at its end, all or, where the sandbox is killed meanwhile, nothing."""
        if self._database.in_transaction:
            yield
            return
        self._database.execute("begin")
        try:
            yield
        finally:
            self._database.execute("commit")

    def put(self, kind: str, *documents: Document) -> None:
        rows = [(kind, document["id"], json.dumps(document)) for document in documents]
        # Not "or replace", which would move a row behind the others.
        with self.together():
            self._database.executemany(
                "insert into documents values (?, ?, ?) "
                "on conflict (kind, id) do update set document = excluded.document",
                rows,
            )
        self.changes += 1
        self._kinds.setdefault(kind, {}).update({document["id"]: document for document in documents})

    def get(self, kind: str, document_id: str) -> Document | None:
        return self._kinds.get(kind, {}).get(document_id)

    def all(self, kind: str) -> list[Document]:
        """Oldest first."""
        return list(self._kinds.get(kind, {}).values())

    def delete(self, kind: str, ids: Iterable[str]) -> None:
        self.changes += 1
        for document_id in list(ids):
            self._database.execute("delete from documents where kind = ? and id = ?", (kind, document_id))
            self._kinds.get(kind, {}).pop(document_id, None)

    def clear(self) -> None:
        """Forgets everything."""
        self.changes += 1
        self._database.execute("delete from documents")
        self._kinds.clear()
