// Private broadcast channels. They only make things quicker: whoever listens also reads again on every sync.
import { useEffect, useRef } from './html.js';
import { supabase } from './supabase.js';
import { connection, onSync, syncNow } from './sync.js';

const EVENTS = { org: ['notification', 'incident', 'incident_update'], user: ['receipt'] };
const SLOWEST = 30000; // milliseconds between attempts
const handlers = new Map();
const closing = new Map();
const PATIENCE = 8000; // milliseconds that joining may take before anybody is told
let lines = [];
let patience;

/** Calls back with the payload of each broadcast of that event, until the returned function is called. */
export function onBroadcast(event, handler) {
  if (!handlers.has(event)) handlers.set(event, new Set());
  handlers.get(event).add(handler);
  return () => handlers.get(event).delete(handler);
}

/** Runs `handler` for each broadcast of that event while the component is there. */
export function useBroadcast(event, handler) {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => onBroadcast(event, (payload) => latest.current(payload)), [event]);
}

/** Listens for one person in one organization, and to nothing that was listened to before; null ends it. */
export function listen(userId, organizationId) {
  for (const line of lines) line.close();
  connection.set({ live: false, late: false });
  clearTimeout(patience);
  lines =
    userId && organizationId
      ? [new Line(`pagerduty:org:${organizationId}`, EVENTS.org), new Line(`pagerduty:user:${userId}`, EVENTS.user)]
      : [];
  for (const line of lines) line.open();
  if (lines.length) patience = setTimeout(() => connection.set({ late: !connection.state.live }), PATIENCE);
}

function changed(line) {
  if (!lines.includes(line)) return;
  const live = lines.every((one) => one.live);
  connection.set({ live, late: !live && (connection.state.late || connection.state.live) });
}

/** One channel that comes back whenever it is lost. */
class Line {
  constructor(topic, events) {
    this.topic = topic;
    this.events = events;
    this.live = false;
    this.closed = false;
    this.attempts = 0;
  }

  async open() {
    await closing.get(this.topic); // supabase-js gives a channel that is being left to whoever asks for its topic
    await supabase.realtime.setAuth().catch(() => {}); // the newest token
    if (this.closed) return;
    const channel = supabase.channel(this.topic, { config: { private: true } });
    this.channel = channel;
    for (const event of this.events) {
      channel.on('broadcast', { event }, ({ payload }) => this.#receive(channel, event, payload));
    }
    channel.subscribe((status) => this.#status(channel, status));
  }

  close() {
    this.closed = true;
    this.live = false;
    clearTimeout(this.timer);
    if (!this.channel) return;
    const left = supabase.removeChannel(this.channel).catch(() => {});
    closing.set(this.topic, left);
    left.then(() => closing.get(this.topic) === left && closing.delete(this.topic));
  }

  #receive(channel, event, payload) {
    if (this.closed || channel !== this.channel || !payload) return;
    for (const handler of [...(handlers.get(event) ?? [])]) handler(payload);
  }

  #status(channel, status) {
    if (this.closed || channel !== this.channel) return;
    this.live = status === 'SUBSCRIBED';
    changed(this);
    if (this.live) {
      this.attempts = 0;
      if (lines.every((one) => one.live)) syncNow('join');
    } else if (status === 'CLOSED') {
      // The server closed it (its token ran out, another join): supabase-js rejoins after errors, but not after this.
      this.channel = null;
      this.timer = setTimeout(() => this.open(), Math.min(SLOWEST, 500 * 2 ** this.attempts++));
    }
  }
}

// With the network back there is no reason to wait for the next attempt.
onSync((reason) => {
  if (reason === 'online' && lines.length && !supabase.realtime.isConnected()) supabase.realtime.connect();
});
