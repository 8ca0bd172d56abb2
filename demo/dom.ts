// Short ways to the markup.

/** The element that a selector finds; that there is none is a defect of the markup. */
export function find<E extends Element = HTMLElement>(selector: string, within: ParentNode = document): E {
  const element = within.querySelector<E>(selector);
  if (!element) throw new Error(`The markup has no ${selector}`);
  return element;
}

/** A new element with properties and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Bytes as people read them. */
export function megabytes(bytes: number): string {
  if (bytes < 1e5) return bytes < 1e3 ? `${bytes} bytes` : `${Math.round(bytes / 1e3)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** Milliseconds as people read them. */
export function seconds(time: number): string {
  return `${(time / 1000).toFixed(time < 9950 ? 1 : 0)} s`;
}

/** A message of the engine with its numbers as people read them. */
export function plainNumbers(message: string): string {
  return message
    .replace(/\b(\d{6,}) bytes\b/g, (_, bytes) => megabytes(Number(bytes)))
    .replace(/\b(\d{6,}) pixels\b/g, (_, pixels) => `${Math.round(Number(pixels) / 1e6)} megapixels`)
    .replace(/\b(\d+)x(\d+)( = \d+)?/g, '$1 × $2')
    .replace(/\b[0-9a-f]{32,}\b/g, hash => `${hash.slice(0, 8)}…`);
}
