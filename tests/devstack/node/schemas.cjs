// Reads, writes and calls in a chosen schema with @supabase/supabase-js; prints one JSON object of what it saw.
// Usage: node schemas.cjs <node_modules> <url> <publishable key>
const { createRequire } = require("node:module");
const path = require("node:path");

const [modules, url, key] = process.argv.slice(2);
const { createClient } = createRequire(path.join(modules, "resolve.js"))("@supabase/supabase-js");

const auth = { persistSession: false, autoRefreshToken: false };

async function main() {
  const client = createClient(url, key, { auth });
  const settled = createClient(url, key, { auth, db: { schema: "shelf" } });
  const made = await client.schema("shelf").from("books").insert({ title: "From node" }).select("title").single();
  const read = await settled.from("books").select("title").eq("title", "From node");
  const first = await client.from("books").select("title");
  const called = await settled.rpc("twice", { n: 21 });
  const wrong = await client.schema("nowhere").from("books").select();
  await settled.from("books").delete().eq("title", "From node");
  console.log(JSON.stringify({
    made: made.data, read: read.data, first: first.data, called: called.data, wrong: wrong.error.code, status: wrong.status,
  }));
}

main().catch((error) => { console.error(error); process.exit(1); });
