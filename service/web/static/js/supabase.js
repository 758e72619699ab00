// The one Supabase client of this page. The library is a classic script that makes the global `supabase`.
import { config } from './config.js';

export const supabase = window.supabase.createClient(config.supabase_url, config.supabase_key, {
  db: { schema: 'pagerduty' },
  auth: { persistSession: true, autoRefreshToken: true, detectSessionInUrl: false },
  // Heartbeats tell a dead connection; a shorter interval than the default notices it sooner.
  realtime: { heartbeatIntervalMs: 15000 },
});
