"""A tenant twin for each organization, so that a look-up that forgets to say which organization shows.

The twin holds the same event ids, incident ids and service ids, its incidents are linked, and what it was told lies in
the future, which counts as now. Whoever is in the organization is in the twin too, so that RLS
does not hide a missing predicate.
"""

from collections.abc import Sequence
from typing import Any

from tests.database.database import ROLES, Connection, Database, Organization
from tests.database.events import event

#: What only a twin has: a title, and a time. None of it may come to the other organization.
TITLE, TIME = "Of the twin", "2099-01-01T00:00:00Z"

_EVERYTHING = """
select jsonb_build_object(
  'integration', (select jsonb_agg(i) from pagerduty.integrations i where i.organization_id = %(org)s),
  'invitations', (select jsonb_agg(i order by i.id) from pagerduty.invitations i where i.organization_id = %(org)s),
  'credentials', (select jsonb_agg(c) from pagerduty.credentials c where c.organization_id = %(org)s),
  'events', (select jsonb_agg(e order by e.id) from pagerduty.events e where e.organization_id = %(org)s),
  'notifications', (select jsonb_agg(n order by n.id) from pagerduty.notifications n where n.organization_id = %(org)s),
  'feed', (select jsonb_agg(f order by f.id) from pagerduty.notification_feed f where f.organization_id = %(org)s),
  'receipts', (
    select jsonb_agg(r order by r.notification_id, r.user_id)
    from pagerduty.receipts r join pagerduty.notifications n on n.id = r.notification_id
    where n.organization_id = %(org)s
  ),
  'marks', (select jsonb_agg(m order by m.user_id) from pagerduty.inbox_marks m where m.organization_id = %(org)s),
  'inbox', (select jsonb_agg(i) from pagerduty_private.inboxes i where i.organization_id = %(org)s),
  'incidents', (select jsonb_agg(i order by i.id) from pagerduty.incidents i where i.organization_id = %(org)s),
  'updates', (select jsonb_agg(u order by u.id) from pagerduty.incident_updates u where u.organization_id = %(org)s),
  'choices', (select jsonb_agg(d order by d.place) from pagerduty.directory d where d.organization_id = %(org)s),
  'outbox', (select jsonb_agg(o order by o.id) from pagerduty.outbox o where o.organization_id = %(org)s),
  'audit', (select jsonb_agg(a order by a.id) from pagerduty.audit a where a.organization_id = %(org)s),
  'broadcasts', (
    select jsonb_agg(m.payload order by m.id)
    from realtime.messages m join pagerduty.organizations o on o.topic = m.topic
    where o.id = %(org)s
  )
)::text
"""


class TwinnedDatabase(Database):
    """A database in which every organization has a twin, found unchanged and unheard of by `clean_up`."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self._twins: dict[str, Organization] = {}
        self._before: dict[str, Any] = {}
        self._held: dict[str, set[str]] = {}

    def organization(self, roles: Sequence[str] = ROLES, *, enabled: bool = True) -> Organization:
        """Makes an organization and, before it, its twin."""
        twin = super().organization(["owner"])
        sealed = (
            "insert into pagerduty.credentials (organization_id, api_key, signing_secret) values (%s, 'its', 'own')"
        )
        self.rows(sealed, (twin.id,))
        made = super().organization(roles, enabled=enabled)
        for role, user in made.people.items():
            self.join(twin, role, user)
        self._twins[made.id], self._held[made.id] = twin, set()
        self._before[made.id] = self._everything(twin)
        return made

    def ingest(self, organization: Organization, *events: Any, connection: Connection | None = None) -> list[Any]:
        """Sends events to an organization whose twin holds their ids. What races (on a connection) goes without."""
        if connection is None:
            self.poise(organization, *events)
        return super().ingest(organization, *events, connection=connection)

    def poise(self, organization: Organization, *events: Any) -> None:
        """Gives the twin events and a linked incident with the ids of these."""
        held, twin = self._held[organization.id], self._twins[organization.id]
        for event_id, incident_id in filter(None, map(_ids, events)):
            if event_id in held:
                continue
            told = event("incident.acknowledged", incident_id, event_id=event_id, title=TITLE, occurred_at=TIME)
            [outcome] = super().ingest(twin, told)
            if incident_id not in held:
                self.link(twin, twin["owner"], outcome["notification_id"])
            held |= {event_id, incident_id}
        self._before[organization.id] = self._everything(twin)

    def clean_up(self) -> None:
        """Checks that no twin changed and that nothing of one is in its organization, and deletes all that was made."""
        try:
            for organization, twin in self._twins.items():
                assert self._everything(twin) == self._before[organization], "the twin changed"
                found = self._everything(organization)
                strange = {TITLE, TIME[:10], twin.id, *self._incidents(twin)}
                assert not [text for text in strange if text in found], f"of the twin: {found}"
        finally:
            self._twins.clear()
            super().clean_up()

    def _everything(self, organization: Organization | str) -> str:
        name = organization if isinstance(organization, str) else organization.id
        return str(self.value(_EVERYTHING, {"org": name}))

    def _incidents(self, organization: Organization) -> list[str]:
        ours = "select id::text from pagerduty.incidents where organization_id = %s"
        return [row["id"] for row in self.rows(ours, (organization.id,))]


def _ids(sent: Any) -> tuple[str, str] | None:
    """The ids of an event and of its incident; None for what has none, or none that a database takes."""
    incident = sent.get("incident") if isinstance(sent, dict) else None
    found = (sent.get("event_id"), incident.get("id")) if isinstance(incident, dict) else ()
    usable = [value for value in found if isinstance(value, str) and 0 < len(value) <= 255 and "\0" not in value]
    return (usable[0], usable[1]) if len(usable) == 2 else None
