// Before the first paint: the colours that this person chose, if they chose any; and the browser's own bar in the same.
const root = document.documentElement;
const metas = /** @type {HTMLMetaElement[]} */ ([...document.querySelectorAll('meta[name="theme-color"]')]);
const schemeOf = (meta) => (meta.media.includes('dark') ? 'dark' : 'light');
const bars = Object.fromEntries(metas.map((meta) => [schemeOf(meta), meta.content])); // as the system's colours have them

try {
  const chosen = localStorage.getItem('theme');
  if (chosen === 'light' || chosen === 'dark') root.dataset.theme = chosen;
} catch {
  // Storage is blocked: the system's colours it is.
}

function paintBar() {
  for (const meta of metas) meta.content = bars[root.dataset.theme ?? schemeOf(meta)];
}

paintBar();
new MutationObserver(paintBar).observe(root, { attributeFilter: ['data-theme'] });
