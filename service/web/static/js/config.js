// What the server tells the page: Supabase's address and publishable key, people to try it as, PagerDuty's event types.
export const config = JSON.parse(document.getElementById('config').textContent);
