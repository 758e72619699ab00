// The one Supabase client of this page.
import { createClient } from '@supabase/supabase-js';
import { config } from './config.js';

export const supabase = createClient(config.supabase_url, config.supabase_key, {
  db: { schema: 'pagerduty' },
  auth: { persistSession: true, autoRefreshToken: true, detectSessionInUrl: false },
  // Heartbeats tell a dead connection; a shorter interval than the default notices it sooner.
  realtime: { heartbeatIntervalMs: 15000 },
});
