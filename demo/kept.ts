// Small settings that the browser keeps: in `localStorage` for good, in `sessionStorage` as long as the tab is open.

export class Kept {
  constructor(
    private readonly storage: 'localStorage' | 'sessionStorage',
    private readonly name: string,
  ) {}

  // Where cookies are refused, there is no storage either.
  read(): string | null {
    try {
      return globalThis[this.storage].getItem(this.name);
    } catch {
      return null;
    }
  }

  /** Null: nothing is kept. */
  write(value: string | null): void {
    try {
      if (value === null) globalThis[this.storage].removeItem(this.name);
      else globalThis[this.storage].setItem(this.name, value);
    } catch {
      // It then holds until the page is closed.
    }
  }
}
