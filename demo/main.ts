// The page: makes its parts and lets them know each other.

import { Album } from './album.js';
import { AlbumStrip, THUMBNAIL } from './album-strip.js';
import { compareSheet } from './compare.js';
import { Controls } from './controls.js';
import { find } from './dom.js';
import { listenForSaving } from './download.js';
import { startEngine } from './engine.js';
import { Faces } from './faces.js';
import { showHero } from './hero.js';
import { Keeping } from './keeping.js';
import { listenForKeys, listenForUndo } from './keys.js';
import { Messages } from './messages.js';
import { Networks } from './networks.js';
import { NetworkChoice } from './official.js';
import { keepOffline } from './offline.js';
import { listenForPhotos } from './open.js';
import { Pace } from './pace.js';
import { thumbnailOf } from './photo.js';
import { problemOf } from './problems.js';
import { ServerClient } from './server/client.js';
import { serverEngine } from './server/engine.js';
import { KeyDialog } from './server/key.js';
import { listenForPlace } from './server/place.js';
import { Session } from './session.js';
import type { ShareDialog } from './share/dialog.js';
import { listenForSystem } from './shared.js';
import { listenForSheet } from './sheet.js';
import { Store } from './store.js';
import { Tastes } from './tastes.js';
import { toast } from './toasts.js';
import { BoxTool } from './viewer/box.js';
import { BrushTool } from './viewer/brush.js';
import { Viewer } from './viewer/viewer.js';
import { WeightsDialog } from './weights.js';

const store = new Store();
const viewer = new Viewer(store);
const server = new ServerClient(new KeyDialog());
const pace = new Pace('gpu' in navigator);
// Browsers that know of graphics cards need not have one. Nothing else waits for that: the engine says later what it has.
void navigator.gpu?.requestAdapter().then(
  adapter => pace.suppose(adapter !== null && !adapter.info.isFallbackAdapter),
  () => {},
);
const session = new Session(
  store,
  viewer,
  async options =>
    store.state.place === 'server' ? serverEngine(server, request => store.set({ request })) : startEngine(options),
  text => toast(text, { kind: 'warning' }),
  pace,
);
const controls = new Controls(store, session);
new Faces(
  store,
  viewer,
  selected => store.set({ selected }),
  (id, included) => session.setFace(id, { included }),
);
const album = new Album(store, session, blob => thumbnailOf(blob, THUMBNAIL));
const photos = listenForPhotos(
  files => void album.add(files),
  text => toast(text, { kind: 'warning' }),
);
listenForSystem(files => void album.add(files));
const strip = new AlbumStrip(album, () => photos.choose());
listenForSheet();
const save = listenForSaving(store, session, format => album.setFormat(format));
let sharing: ShareDialog | null = null;
find('#open-share').addEventListener('click', async () => {
  try {
    sharing ??= new (await import('./share/dialog.js')).ShareDialog(store, session);
    sharing.open();
  } catch (error) {
    toast(`This part of the page could not be loaded. ${problemOf(error).text}`, { kind: 'error' });
  }
});
new Tastes(store, session, fidelity => controls.choose(fidelity));
const compare = compareSheet(store, session);
const networks = new Networks(session);
const weights = new WeightsDialog(store, networks);
new NetworkChoice(store, networks);
new BrushTool(store, session, viewer);
new BoxTool(store, viewer, area => session.showFace(area));
showHero();
const choosePlace = listenForPlace(store, () => networks.restart());
new Messages(store, remedy => {
  if (remedy === 'again') void session.again();
  else if (remedy === 'cheaper') void session.cheaper();
  else if (remedy === 'open') photos.choose();
  else if (remedy === 'weights') void weights.open();
  else choosePlace(remedy);
});

const help = find<HTMLDialogElement>('#help');
find('#open-help').addEventListener('click', () => help.showModal());
find('#stop').addEventListener('click', () => session.stop());

listenForKeys(
  {
    '+': () => viewer.zoomIn(),
    '=': () => viewer.zoomIn(),
    '-': () => viewer.zoomOut(),
    '0': () => viewer.fit(),
    '1': () => viewer.pixels(),
    '[': () => controls.step(-1),
    ']': () => controls.step(1),
    n: () => controls.nextFace(),
    escape: () => store.set({ selected: null }),
    f: () => controls.toggleOutlines(),
    c: () => compare(),
    ',': () => strip.step(-1),
    '.': () => strip.step(1),
    o: () => photos.choose(),
    s: () => save(),
    '?': () => help.showModal(),
  },
  { b: on => viewer.hold(on) },
);

listenForUndo(session);
new Keeping(store, session, album);

void networks.start();
keepOffline();
