// All that pages share. Whoever is a file of its own (app.js and each page) imports this first: esbuild puts what the
// same ones need into one file, so that without it there would be a file for every combination of pages.
import './api.js';
import './drafts.js';
import './html.js';
import './kept.js';
import './links.js';
import './list.js';
import './people.js';
import './realtime.js';
import './router.js';
import './rows.js';
import './session.js';
import './sync.js';
import './text.js';
import './time.js';
import '../ui/chips.js';
import '../ui/dialog.js';
import '../ui/field.js';
import '../ui/icons.js';
import '../ui/parts.js';
import '../inbox/alarms.js';
import '../inbox/current.js';
import '../inbox/rows.js';
import '../inbox/words.js';
import '../organizations/invited.js';
import '../ui/prose.js';
import '../ui/toast.js';
