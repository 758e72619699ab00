// Who is in the organization, and what they may do. RLS decides; the page only offers what has a chance.
import { api } from '../core/api.js';
import { config } from '../core/config.js';
import { html, useEffect, useState } from '../core/html.js';
import { readMembers } from '../core/people.js';
import { atLeast, leaveOrganization, loadMe, myId } from '../core/session.js';
import { supabase } from '../core/supabase.js';
import { useSync } from '../core/sync.js';
import { plain } from '../core/text.js';
import { ask } from '../ui/dialog.js';
import { Select } from '../ui/field.js';
import { Failure, Notice, nameOf, ROLES, Skeleton } from '../ui/parts.js';
import { toast } from '../ui/toast.js';
import { Invitations } from './invitations.js';

const MEANINGS = [
  ['Viewer', 'reads alerts, incidents and settings'],
  ['Responder', 'also creates, changes and comments on incidents'],
  ['Admin', 'also sets up PagerDuty, invites people, changes roles and removes members'],
  ['Owner', 'also decides who is an owner'],
];

/** What nobody below a role may do, beginning with the least. */
const LOSSES = [
  ['responder', 'create or change incidents'],
  ['admin', 'set up PagerDuty, invite people or change roles'],
  ['owner', 'decide who is an owner'],
];

/** Whether `role` is less than `than`. */
const isLess = (role, than) => config.roles.indexOf(role) < config.roles.indexOf(than);

/** What somebody gives up with a role: a sentence. */
function lost(former, role) {
  const things = LOSSES.filter(([needed]) => isLess(role, needed) && !isLess(former, needed)).map(([, thing]) => thing);
  return `You can no longer ${things.join(', or ')}, and only somebody else can make you ${former} again.`;
}

/** A sentence for whatever the database, or nobody, answers about members. */
function explain(error) {
  if (error.code === '23505') return 'Another member is linked to that PagerDuty user.';
  if (error.code === 'PT409') return error.message; // written for people
  if (error.code === '42501' || error.code === 'nothing') return 'Your role does not allow that.';
  if (!error.code) return 'The members cannot be reached. Check your connection, then try once more.';
  return 'That did not work. Try again.';
}

/** Runs a change; RLS lets a forbidden one change nothing without a word, so rows are counted. Throws. */
async function change(query) {
  const { data, error } = await query.select('user_id');
  if (error) throw error;
  if (!data.length) throw Object.assign(new Error(), { code: 'nothing' });
}

async function leave(query) {
  try {
    await leaveOrganization(() => change(query));
    toast('You have left.');
  } catch (error) {
    toast(explain(error), 'bad');
  }
}

export function MembersTab({ organization }) {
  const [members, setMembers] = useState(/** @type {import('../types.d.ts').Member[] | null} */ (null));
  const [problem, setProblem] = useState(/** @type {any | null} */ (null));
  const read = () =>
    readMembers(organization.id).then((rows) => {
      setMembers(rows);
      setProblem(null);
    }, setProblem);
  useEffect(() => {
    read();
  }, [organization.id]);
  useSync(read);

  const act = async (query, done, member) => {
    try {
      await change(query);
      toast(done);
    } catch (error) {
      toast(explain(error), 'bad');
    }
    if (member.user_id === myId()) await loadMe();
    await read();
  };
  const setRole = async (member, role) => {
    if (member.user_id === myId() && isLess(role, member.role)) {
      if (!(await ask({ title: `Make yourself ${role}?`, text: lost(member.role, role), action: `Become ${role}` }))) {
        setMembers([...(members ?? [])]); // the choice shows the role again
        return;
      }
    }
    await act(
      supabase.from('memberships').update({ role }).eq('organization_id', organization.id).eq('user_id', member.user_id),
      `${member.display_name} is now ${role}.`,
      member,
    );
  };
  const link = (member, id) =>
    act(
      supabase
        .from('memberships')
        .update({ pagerduty_user_id: id || null })
        .eq('organization_id', organization.id)
        .eq('user_id', member.user_id),
      id ? `${member.display_name} is linked to a PagerDuty user.` : `${member.display_name} is in PagerDuty who has their address there.`,
      member,
    );
  const remove = async (member, leaving) => {
    const agreed = await ask({
      title: leaving ? `Leave ${plain(organization.name)}?` : `Remove ${plain(member.display_name)}?`,
      text: leaving
        ? 'You will see nothing of it any more. Only an invitation, or whoever runs this app, brings you back.'
        : 'They will see nothing of this organization any more.',
      action: leaving ? 'Leave' : 'Remove',
    });
    if (!agreed) return;
    const query = supabase.from('memberships').delete().eq('organization_id', organization.id).eq('user_id', member.user_id);
    if (leaving) await leave(query);
    else await act(query, `${member.display_name} was removed.`, member);
  };
  const manages = atLeast('admin', organization);
  const users = useUsers(manages);
  return html`
    <section class="card" aria-labelledby="members-title">
      <h2 id="members-title">Members of <bdi>${organization.name}</bdi></h2>
      ${!manages && html`<${Notice}><p>Only owners and admins may change roles; yours is ${organization.role}.</p><//>`}
      ${problem && html`<${Failure} problem=${{ message: explain(problem) }} onRetry=${read} />`}
      ${members === null && !problem && html`<${Skeleton} rows=${5} class="tall" />`}
      ${
        members &&
        html`
        <ul class="members">
          ${members.map(
            (member) => html`
            <${Member} key=${member.user_id} member=${member} organization=${organization} setRole=${setRole} remove=${remove} link=${link} users=${users} />
          `,
          )}
        </ul>
      `
      }
      ${
        (members || problem) &&
        html`<details class="roles">
        <summary>What the roles may do</summary>
        <dl class="facts">${MEANINGS.map(([role, text]) => html`<div key=${role}><dt>${role}</dt><dd>${text}</dd></div>`)}</dl>
      </details>`
      }
      ${manages && members && html`<${Invitations} organization=${organization} />`}
    </section>
  `;
}

/** PagerDuty's users, as [id, name]; empty while they are not known. */
function useUsers(wanted) {
  const [users, setUsers] = useState(/** @type {[string, string][]} */ ([]));
  useEffect(() => {
    // Without them nobody can be linked; the page is about more.
    if (wanted)
      api('/api/integrations/pagerduty/directory').then(
        (found) => setUsers(found.users.map(({ id, name }) => [id, plain(name)])),
        () => {},
      );
  }, [wanted]);
  return users;
}

/** Who a member is in PagerDuty: whoever has their address there, or whom one chooses. */
function InPagerDuty({ member, users, link }) {
  const chosen = member.pagerduty_user_id ?? '';
  if (!users.length && !chosen) return null;
  const options = [['', 'By address'], ...users];
  if (chosen && !users.some(([id]) => id === chosen)) options.push([chosen, chosen]);
  return html`
    <label class="member-link">
      <span class="hint">In PagerDuty</span>
      <${Select} attributes=${{ 'aria-label': `${plain(member.display_name)} in PagerDuty` }} options=${options} value=${chosen} onChange=${(id) => link(member, id)} />
    </label>
  `;
}

function Member({ member, organization, setRole, remove, link, users }) {
  const isMe = member.user_id === myId();
  const owner = atLeast('owner', organization);
  const manages = owner || (atLeast('admin', organization) && member.role !== 'owner');
  const roles = owner ? ROLES : ROLES.filter(([role]) => role !== 'owner');
  return html`
    <li class="member">
      <span class="avatar" aria-hidden="true">${[...plain(member.display_name || member.email)][0]}</span>
      <span class="member-text">
        <span><bdi><strong>${member.display_name || member.email}</strong></bdi>${isMe && html` <span class="hint">(you)</span>`}</span>
        <bdi class="hint clamp-1">${member.email}</bdi>
      </span>
      ${
        manages
          ? html`<${Select} attributes=${{ 'aria-label': `Role of ${plain(member.display_name)}` }} options=${roles} value=${member.role} onChange=${(role) => setRole(member, role)} />`
          : html`<span class="pill">${nameOf(ROLES, member.role)}</span>`
      }
      ${manages && html`<${InPagerDuty} member=${member} users=${users} link=${link} />`}
      ${
        (manages || isMe) &&
        html`
        <button type="button" class="button quiet" aria-label=${isMe ? 'Leave this organization' : `Remove ${plain(member.display_name)}`} onClick=${() => remove(member, isMe)}>${isMe ? 'Leave' : 'Remove'}</button>
      `
      }
    </li>
  `;
}
