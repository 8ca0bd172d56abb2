// Workers from the files of this folder.

/** The folder that the whole page lies in: pages further down say the way with `data-root`. */
export const ROOT = new URL(document.documentElement.dataset.root ?? './', document.baseURI);

/**
 * Starts a module of this folder as a worker. It is started from a blob, because such workers are bound by the security policy of the page
 * that starts them; a worker that comes from an address is bound by nothing but the headers of its server, which static hosts do not send.
 */
export function startWorker(path: string, name: string): Worker {
  const source = `import ${JSON.stringify(String(new URL(path, ROOT)))};`;
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module', name });
  // Its first message comes when it has been read.
  worker.addEventListener('message', () => URL.revokeObjectURL(url), { once: true });
  return worker;
}
