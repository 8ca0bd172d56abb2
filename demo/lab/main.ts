// The lab: the codes of one face, to look at and to change.

import { listenForUndo } from '../keys.js';
import { keepOffline } from '../offline.js';
import { CellPanel } from './cell-panel.js';
import { Cells } from './cells.js';
import { Controls } from './controls.js';
import { listenForFiles } from './files.js';
import { takeOver } from './handover.js';
import { Plates } from './plates.js';
import { single } from './selection.js';
import { Session } from './session.js';
import { SourceView } from './source-view.js';
import { Store } from './state.js';
import { Status } from './status.js';
import { SweepView } from './sweep-view.js';

const store = new Store({
  engine: { status: 'loading', received: 0, total: null },
  busy: null,
  problem: null,
  source: null,
  subject: null,
  edit: null,
  selection: single(0),
  tool: 'select',
  overlay: 'none',
  brush: { radius: 16, softness: 0.5, value: 1, erases: false },
  drawing: { temperature: 0.5, seed: 1 },
  decoding: false,
  result: null,
  sweep: null,
});
const session = new Session(store);

new SourceView(store, session);
new Plates(store, session);
new Cells(store);
new CellPanel(store, session);
new Controls(store, session);
new SweepView(store, session);
new Status(store, () => session.stop());
listenForFiles(store, session);
listenForUndo(session);
void takeOver(session);
keepOffline();
