// Before the first paint: the colours that this person chose, if they chose any; and the browser's own bar in the same.
const BARS = { light: '#ffffff', dark: '#161d27' }; // as --surface
const root = document.documentElement;

try {
  const chosen = localStorage.getItem('theme');
  if (chosen === 'light' || chosen === 'dark') root.dataset.theme = chosen;
} catch {
  // Storage is blocked: the system's colours it is.
}

function paintBar() {
  for (const bar of /** @type {NodeListOf<HTMLMetaElement>} */ (document.querySelectorAll('meta[name="theme-color"]'))) {
    bar.content = BARS[root.dataset.theme ?? (bar.media.includes('dark') ? 'dark' : 'light')];
  }
}

paintBar();
new MutationObserver(paintBar).observe(root, { attributeFilter: ['data-theme'] });
