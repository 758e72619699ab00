// Bundles the pages into dist/: a script a route, hashed names, source maps, and the manifest that assets.py reads.
// `node build.mjs` builds once; `node build.mjs --watch` builds again whenever a source changes, until it is stopped.
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { context } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
process.chdir(here);
const UNFINISHED = '.manifest.new';

/** Where each source went and what it imports at once: {source: {file, imports}}, paths relative to src/ and dist/. */
function manifestOf({ outputs }) {
  const inDist = (path) => relative('dist', path);
  const importsOf = (path, found = new Set()) => {
    for (const { path: imported, kind } of outputs[path].imports) {
      if (kind !== 'import-statement' || found.has(inDist(imported))) continue;
      found.add(inDist(imported));
      importsOf(imported, found);
    }
    return [...found];
  };
  const entries = Object.entries(outputs).filter(([, { entryPoint }]) => entryPoint);
  return Object.fromEntries(
    entries.map(([path, { entryPoint }]) => [relative('src', entryPoint), { file: inDist(path), imports: importsOf(path) }]),
  );
}

/** Writes the manifest last and in one step, so that whoever reads it finds all that it names. */
const manifest = {
  name: 'manifest',
  setup(build) {
    build.onEnd(async ({ errors, metafile }) => {
      if (errors.length) return;
      await mkdir('dist', { recursive: true });
      const unfinished = `dist/${process.pid}${UNFINISHED}`; // its own: another build may be at work in the same folder
      await writeFile(unfinished, JSON.stringify(manifestOf(metafile), null, 2));
      await rename(unfinished, 'dist/manifest.json');
      await removeAllBut(Object.keys(metafile.outputs).map((path) => relative('dist', path)));
    });
  },
};

/** Takes away what earlier builds left, but not what another build is about to put in place. */
async function removeAllBut(made) {
  const kept = new Set([...made, 'manifest.json']);
  const left = (await readdir('dist')).filter((name) => !kept.has(name) && !name.endsWith(UNFINISHED));
  for (const name of left) await rm(`dist/${name}`, { force: true });
}

const building = await context({
  absWorkingDir: here,
  entryPoints: ['src/core/app.js', 'src/css/app.css', 'src/css/docs.css', 'src/theme.js', 'src/worker.js', 'src/icons/*'],
  outdir: 'dist',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  alias: { '@supabase/storage-js': './src/core/unused.js', '@supabase/functions-js': './src/core/unused.js' },
  loader: { '.svg': 'copy', '.png': 'copy', '.ico': 'copy' },
  metafile: true,
  logLevel: 'warning',
  plugins: [manifest],
});
if (process.argv.includes('--watch')) await building.watch();
else {
  const built = await building.rebuild().catch(() => null); // esbuild has said what is wrong
  await building.dispose();
  process.exitCode = built ? 0 : 1;
}
