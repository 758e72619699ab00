// The one Supabase client of this page. A mailed link brings its session in the address: with the implicit flow, since it
// may be opened in another browser than the one that asked for it.
import { createClient } from '@supabase/supabase-js';
import { arrival, tidy } from './arrival.js';
import { config } from './config.js';

/** supabase-js has read the address by now: it keeps a session for as long as that takes, and no longer. */
function takesSession() {
  tidy();
  return arrival.brings;
}

export const supabase = createClient(config.supabase_url, config.supabase_key, {
  db: { schema: 'pagerduty' },
  auth: { persistSession: true, autoRefreshToken: true, detectSessionInUrl: takesSession },
  // Heartbeats tell a dead connection; a shorter interval than the default notices it sooner.
  realtime: { heartbeatIntervalMs: 15000 },
});

supabase.auth.initialize().then(({ error }) => {
  if (error && arrival.brings) arrival.failed = true; // it was no session
});
