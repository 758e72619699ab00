// Private broadcast channels. They only make things quicker: whoever listens also reads again on every sync.
import { useEffect, useRef } from './html.js';
import { supabase } from './supabase.js';
import { connection, onSync, syncNow } from './sync.js';
import { told } from './told.js';

const EVENTS = {
  org: ['notification', 'incident', 'incident_update', 'changes', 'more', 'moved'],
  user: ['receipt', 'removed'],
};
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

function tell(event, payload) {
  for (const handler of [...(handlers.get(event) ?? [])]) handler(payload);
}

/** Listens for one person on an organization's topic, and to nothing that was listened to before; null ends it. */
export function listen(userId, topic) {
  for (const line of lines) line.close();
  connection.set({ live: false, late: false });
  clearTimeout(patience);
  lines = userId && topic ? [new Line(topic, EVENTS.org), new Line(`pagerduty:user:${userId}`, EVENTS.user)] : [];
  for (const line of lines) line.open();
  if (lines.length) patience = setTimeout(() => connection.set({ late: !connection.state.live }), PATIENCE);
}

/** Goes over to the organization's new topic. The former is left when the new one is joined, and then all is read. */
export function moveTo(topic) {
  const [former, own] = lines;
  if (!former || former.topic === topic) return;
  lines = [new Line(topic, EVENTS.org, former), own];
  lines[0].open();
}

function changed(line) {
  if (!lines.includes(line)) return;
  const live = lines.every((one) => one.live);
  connection.set({ live, late: !live && (connection.state.late || connection.state.live) });
}

/** One channel that comes back whenever it is lost. `former` is the one whose place it takes once it is joined. */
class Line {
  constructor(topic, events, former = null) {
    this.topic = topic;
    this.events = events;
    this.former = former;
    this.joined = false;
    this.closed = false;
    this.attempts = 0;
  }

  get live() {
    return this.joined || Boolean(this.former?.live);
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
    this.joined = false;
    this.#leaveFormer();
    clearTimeout(this.timer);
    if (!this.channel) return;
    const left = supabase.removeChannel(this.channel).catch(() => {});
    closing.set(this.topic, left);
    left.then(() => closing.get(this.topic) === left && closing.delete(this.topic));
  }

  #leaveFormer() {
    this.former?.close();
    this.former = null;
  }

  #receive(channel, event, payload) {
    if (this.closed || channel !== this.channel || !payload) return;
    for (const [one, row] of told(event, payload, () => syncNow('more'))) tell(one, row);
  }

  #status(channel, status) {
    if (this.closed || channel !== this.channel) return;
    this.joined = status === 'SUBSCRIBED';
    const moved = this.joined && this.former;
    if (moved) this.#leaveFormer();
    changed(this);
    if (this.joined) {
      this.attempts = 0;
      if (lines.every((one) => one.live)) syncNow('join');
      if (moved) tell('moved', {}); // perhaps once more: the word of it went to where this page was not yet
    } else if (status === 'CLOSED') {
      // The server closed it (its token ran out, another join): supabase-js rejoins after errors, but not after this.
      this.channel = null;
      this.timer = setTimeout(() => this.open(), Math.min(SLOWEST, 500 * 2 ** this.attempts++));
    } else if (status === 'CHANNEL_ERROR' && supabase.realtime.isConnected()) {
      tell('moved', {}); // refused, so perhaps the word of it was missed
    }
  }
}

// With the network back there is no reason to wait for the next attempt.
onSync((reason) => {
  if (reason === 'online' && lines.length && !supabase.realtime.isConnected()) supabase.realtime.connect();
});
