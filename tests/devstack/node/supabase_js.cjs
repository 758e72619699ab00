// Drives the embedded stack with @supabase/supabase-js; prints one JSON object of what it saw.
// Usage: node supabase_js.cjs <node_modules> <url> <publishable key> <email> <password>
// It asks for database broadcasts by lines on standard output: {"send": {"topic", "payload"}}.
const { createRequire } = require("node:module");
const path = require("node:path");

const [modules, url, key, email, password] = process.argv.slice(2);
const { createClient } = createRequire(path.join(modules, "resolve.js"))("@supabase/supabase-js");

const options = { auth: { persistSession: false, autoRefreshToken: false } };
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

function must({ data, error }) {
  if (error) throw error;
  return data;
}

function joined(channel) {
  return new Promise((resolve) => {
    channel.subscribe((status, error) => {
      if (status !== "CLOSED") resolve({ status, message: error ? error.message : null });
    });
  });
}

function nextBroadcast(channel, event) {
  return new Promise((resolve) => channel.on("broadcast", { event }, resolve));
}

async function rest(client, seen, user) {
  const made = must(await client.from("notes").insert({ body: "from node" }).select().single());
  must(await client.from("notes").update({ body: "changed" }).eq("id", made.id));
  const { data, count } = await client.from("notes").select("body,owner", { count: "exact" }).eq("id", made.id);
  seen.notes = { data, count };
  must(await client.from("notes").delete().eq("id", made.id));
  const missing = await client.from("no_such_table").select();
  seen.missing = missing.error.code;
  seen.own = data[0].owner === user.id;
}

async function realtime(client, seen, user) {
  const topic = `user:${user.id}`;
  const channel = client.channel(topic, { config: { private: true } });
  const arrival = nextBroadcast(channel, "notification");
  seen.joined = await joined(channel);
  say({ send: { topic, event: "notification", payload: { title: "hello" } } });
  seen.broadcast = await arrival;

  const refused = client.channel("secret", { config: { private: true } });
  seen.refused = await joined(refused);
  await client.removeChannel(refused);

  const { session } = must(await client.auth.refreshSession());
  await client.realtime.setAuth(session.access_token);
  const again = nextBroadcast(channel, "after-refresh");
  say({ send: { topic, event: "after-refresh", payload: { n: 2 } } });
  seen.afterRefresh = (await again).payload.n;

  const other = createClient(url, key, options);
  const [here, there] = [client, other].map((one) => one.channel("room:node", { config: { broadcast: { ack: true } } }));
  const heard = nextBroadcast(there, "hi");
  seen.publicJoins = [(await joined(here)).status, (await joined(there)).status];
  seen.acknowledged = await here.send({ type: "broadcast", event: "hi", payload: { from: "node" } });
  seen.heard = (await heard).payload;
  const posted = nextBroadcast(there, "by-http");
  await here.httpSend("by-http", { n: 3 });
  seen.byHttp = (await posted).payload;
  await other.removeAllChannels();
  seen.removed = await client.removeAllChannels();
}

async function main() {
  const client = createClient(url, key, options);
  const seen = {};
  seen.wrong = (await client.auth.signInWithPassword({ email, password: "wrong" })).error.code;
  const { user, session } = must(await client.auth.signInWithPassword({ email, password }));
  seen.user = user.id;
  seen.sameUser = must(await client.auth.getUser()).user.id === user.id;
  seen.claims = must(await client.auth.getClaims()).claims.sub;
  await rest(client, seen, user);
  await realtime(client, seen, user);
  seen.rotated = must(await client.auth.getSession()).session.refresh_token !== session.refresh_token;
  const token = must(await client.auth.getSession()).session.access_token;
  seen.signOut = (await client.auth.signOut()).error;
  seen.afterSignOut = (await client.auth.getUser(token)).error.name;
  seen.anonymous = (await client.from("notes").select()).error.code;
  say({ seen });
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
