// The names of an organization's members, for timelines.
import { useEffect, useState } from './html.js';
import { supabase } from './supabase.js';

/** The members, by rank and name; throws what Supabase answers. Shape: {user_id, role, display_name, email}. */
export async function readMembers(organizationId) {
  const { data, error } = await supabase
    .from('memberships')
    .select('user_id,role,display_name,email')
    .eq('organization_id', organizationId)
    .order('role', { ascending: false })
    .order('display_name')
    .order('user_id');
  if (error) throw error;
  return data;
}

/** Names by user id; null until they are known, empty if they cannot be. */
export function useNames(organizationId) {
  const [names, setNames] = useState(/** @type {Record<string, string> | null} */ (null));
  useEffect(() => {
    let here = true;
    if (organizationId) {
      readMembers(organizationId)
        .then((members) => here && setNames(Object.fromEntries(members.map((one) => [one.user_id, one.display_name || one.email]))))
        .catch(() => here && setNames((known) => known ?? {}));
    }
    return () => {
      here = false;
    };
  }, [organizationId]);
  return names;
}
