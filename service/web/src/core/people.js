// The names of an organization's members, for timelines.
import { useEffect, useState } from './html.js';
import { supabase } from './supabase.js';

/** The members, by rank and name; throws what Supabase answers. Shape: {user_id, role, display_name, email, pagerduty_user_id}. */
export async function readMembers(organizationId) {
  const { data, error } = await supabase
    .from('memberships')
    .select('user_id,role,display_name,email,pagerduty_user_id')
    .eq('organization_id', organizationId)
    .order('role', { ascending: false })
    .order('display_name')
    .order('user_id');
  if (error) throw error;
  return data;
}

/** The members; null until they are known, empty if they cannot be. */
export function useMembers(organizationId) {
  const [members, setMembers] = useState(/** @type {import('../types.d.ts').Member[] | null} */ (null));
  useEffect(() => {
    let here = true;
    if (organizationId) {
      readMembers(organizationId)
        .then((read) => here && setMembers(read))
        .catch(() => here && setMembers((known) => known ?? []));
    }
    return () => {
      here = false;
    };
  }, [organizationId]);
  return members;
}

/** The names of members, by user id. */
export function namesOf(members) {
  return Object.fromEntries(members.map((one) => [one.user_id, one.display_name || one.email]));
}

/** Who that is: a member by name, or what is known of somebody who is none any more; null is whoever has no account. */
export function nameIn(names, id) {
  return names?.[id] ?? (id ? 'A former member' : 'Somebody');
}
