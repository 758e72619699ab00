// What the service answers, as /api/openapi.json describes it, and what the pages keep of it.

export type Level = 'low' | 'medium' | 'high' | 'critical';
export type IncidentStatus = 'open' | 'investigating' | 'resolved';
export type Role = 'viewer' | 'responder' | 'admin' | 'owner';

/** The page's configuration, which stands in its HTML. `problems`: texts by the last part of a problem's type. */
export interface Config {
  product_name: string;
  supabase_url: string;
  supabase_key: string;
  demo_people: { email: string; password: string; name: string; what: string }[];
  event_types: string[];
  problems: Record<string, string>;
  levels: Level[];
  statuses: IncidentStatus[];
  roles: Role[];
  limits: {
    title: number;
    description: number;
    customer: number;
    tags: number;
    all_tags: number;
    tag: number;
    email: number;
    organization_name: number;
    search: number;
  };
}

/** RFC 9457, with the members that some problems add. */
export interface ProblemBody {
  type?: string;
  title?: string;
  detail?: string;
  errors?: { field: string; message: string }[];
  incident_id?: string;
  assignee_id?: string | null;
}

export interface User {
  id: string;
  email: string | null;
}
export interface Organization {
  id: string;
  name: string;
  role: Role;
  topic: string;
}
export interface Invitation {
  id: string;
  organization_id: string;
  organization_name: string;
  email: string;
  role: Role;
  invited_by_name: string;
  expires_at: string;
}
export interface Me {
  user: User;
  organizations: Organization[];
  invitations: Invitation[];
}
export interface Member {
  user_id: string;
  role: Role;
  display_name: string;
  email: string;
  pagerduty_user_id: string | null;
}

export interface IncidentFields {
  title: string;
  description: string;
  criticality: Level;
  urgency: Level;
  status: IncidentStatus;
  customer: string;
  tags: string[];
}
export interface Incident extends IncidentFields {
  id: string;
  organization_id: string;
  pagerduty_incident_id: string | null;
  pagerduty_url: string | null;
  assignee_id: string | null;
  created_by: string | null;
  created_at: string;
  updated_at: string;
}
export interface Update {
  id: string;
  kind: 'created' | 'status' | 'assigned' | 'edited' | 'comment' | 'pagerduty';
  body: string;
  status_from: IncidentStatus | null;
  status_to: IncidentStatus | null;
  assignee_from: string | null;
  assignee_to: string | null;
  author_id: string | null;
  created_at: string;
}

/** One thing of an incident that PagerDuty is told. */
export interface Told {
  id: string;
  thing: 'status' | 'note' | 'incident' | 'priority' | 'urgency' | 'escalation' | 'assignment' | 'snooze' | 'responders' | 'status_update';
  update_id: string | null;
  state: 'waiting' | 'sent' | 'dead';
  attempts: number;
  last_error: string | null;
  due_at: string;
  sent_at: string | null;
  acted_as: string | null;
}

export interface Notification {
  id: string;
  cursor: string;
  organization_id: string;
  title: string;
  number: number | null;
  pagerduty_incident_id: string | null;
  pagerduty_status: 'triggered' | 'acknowledged' | 'resolved' | null;
  pagerduty_status_at: string | null;
  acknowledged_by: string | null;
  urgency: 'high' | 'low' | null;
  priority: string | null;
  service_id: string | null;
  service_name: string | null;
  assignees: string[];
  conference_url: string | null;
  pagerduty_url: string | null;
  prefill: (IncidentFields & { pagerduty_status: string | null }) | null;
  event_type: string;
  body: string;
  occurred_at: string | null;
  events: number;
  seq: number;
  loud_seq: number;
  is_quiet: boolean;
  loud_at: string;
  created_at: string;
  changed_at: string;
  unread: boolean;
  done: boolean;
  snoozed_until: string | null;
  incident_id: string | null;
}

export interface SecretHint {
  set: boolean;
  last4: string | null;
}
export interface Health {
  state: 'failing' | 'not_configured' | 'disabled' | 'waiting' | 'all_ignored' | 'good';
  recent_events: {
    received: number;
    ignored: number;
    invalid: number;
    repeated: number;
    since: string | null;
    reasons: Record<string, number>;
  };
  last_event_at: string | null;
  last_error: string | null;
  last_error_at: string | null;
}
export type Direction = 'both' | 'to_pagerduty' | 'from_pagerduty' | 'off';
export interface Subscription {
  id: string;
  scope: { type: 'account' | 'service' | 'team'; id: string | null; name: string | null };
  made_at: string;
  proven_at: string | null;
  state: 'waiting' | 'proven' | 'old_url' | 'off' | 'gone' | 'changed' | 'silent';
}
export interface Reconciliation {
  changes: number;
  healed: number;
  healed_at: string | null;
  since: string;
  read_until: string;
  checked_at: string | null;
  mended_at: string | null;
  pinged_at: string | null;
  error: string | null;
}
export interface Integration {
  configured: boolean;
  can_edit: boolean;
  enabled: boolean;
  region: 'us' | 'eu';
  event_types: string[] | null;
  services: string[] | null;
  seen_services: { id: string | null; name: string | null }[] | null;
  integration_key: string | null;
  api_key: SecretHint;
  signing_secret: SecretHint;
  webhook_url: string | null;
  previous_webhook_url_expires_at: string | null;
  bare_webhook_url: string | null;
  subscription: Subscription | null;
  acting_email: string | null;
  sync_status: Direction;
  sync_notes: Direction;
  paging_service_id: string | null;
  paging_criticality: Level;
  outbox: { waiting: number; dead: number; paused_until: string | null; paused_because: string | null } | null;
  reconciliation: Reconciliation | null;
  health: Health;
  updated_at: string | null;
}
export interface KeyTest {
  ok: boolean;
  status: string;
  message: string;
  title?: string;
  region?: 'us' | 'eu' | null;
  account?: string | null;
  can_write?: boolean | null;
  user_email?: string | null;
}
export interface AuditLine {
  id: string;
  created_at: string;
  actor_id: string | null;
  actor_name: string | null;
  subject: 'organizations' | 'memberships' | 'integrations' | 'credentials';
  member_id: string | null;
  member_name: string | null;
  setting: string;
  change: 'set' | 'changed' | 'removed';
  old_value: unknown;
  new_value: unknown;
}
export interface ReceivedEvent {
  id: string;
  received_at: string;
  event_id: string;
  event_type: string;
  pagerduty_incident_id: string | null;
  summary: string | null;
  outcome: string;
  reason: string | null;
  deliveries: number;
}
