// What the server tells the page: Supabase's address and publishable key, people to try it as, PagerDuty's event types,
// and what stands once on the server: texts of problems, limits, levels, statuses and roles (the lowest first).

/** @type {import('../types.d.ts').Config} */
export const config = JSON.parse(document.getElementById('config')?.textContent ?? '');
