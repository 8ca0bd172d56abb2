// Files that are dropped or chosen, also in folders, and the names of those that are saved.

import type { EncodedType } from '../src/web/client.js';
import type { PhotoFile } from './album.js';

/** How names of files end, by type. */
export const ENDINGS: Readonly<Record<EncodedType, string>> = { png: 'png', jpeg: 'jpg', webp: 'webp' };

/** What may be a photo among the files of a folder: systems know no kind of some. */
const PHOTO = /\.(avif|bmp|gif|hei[cf]|jpe?g|png|tiff?|webp)$/i;

const isPhoto = ({ name, blob }: PhotoFile): boolean => blob.type.startsWith('image/') || PHOTO.test(name);

const byName = (a: PhotoFile, b: PhotoFile): number => a.name.localeCompare(b.name, undefined, { numeric: true });

/** Files that were chosen: of a folder the photos, others as they are. */
export function chosenFiles(files: Iterable<File>): PhotoFile[] {
  const all = [...files].map(file => ({ blob: file, name: file.webkitRelativePath || file.name }));
  return all.some(({ name }) => name.includes('/')) ? all.filter(isPhoto).sort(byName) : all;
}

/** Files that were dropped, and the photos of folders. To be called at once: what is dropped can be read as long as its event lasts. */
export async function droppedFiles(data: DataTransfer): Promise<PhotoFile[]> {
  const entries = [...data.items].map(item => item.webkitGetAsEntry?.() ?? null);
  const files = [...data.files];
  if (!entries.some(entry => entry?.isDirectory)) return chosenFiles(files);
  const found: PhotoFile[] = [];
  for (const entry of entries) if (entry) await collect(entry, found);
  return found.filter(isPhoto).sort(byName);
}

async function collect(entry: FileSystemEntry, found: PhotoFile[]): Promise<void> {
  if (entry.isFile) {
    const blob = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ blob, name: entry.fullPath.replace(/^\//, '') });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // It tells of some at a time, and of none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const inner of some) await collect(inner, found);
  }
}

const withoutEnding = (name: string): string => name.replace(/\.\w+$/, '');

/** The name of a file that is saved of a photo, without folders. */
export const savedName = (photo: string, ending: string, what = 'restored'): string =>
  `${withoutEnding(photo.slice(photo.lastIndexOf('/') + 1))}-${what}.${ending}`;

/** Names of photos as those of files of a type: as they were but for their endings, and numbered where two are equal. */
export function namesInZip(names: readonly string[], type: EncodedType): string[] {
  const taken = new Set<string>();
  return names.map(name => {
    const stem = withoutEnding(name);
    let free = stem;
    // Many systems do not tell large letters from small ones.
    for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${stem} (${number})`;
    taken.add(free.toLowerCase());
    return `${free}.${ENDINGS[type]}`;
  });
}

/** Has the browser save a file. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has to have opened it.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
