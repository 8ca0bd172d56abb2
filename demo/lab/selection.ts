// Which cells of the grid are selected, and how keys and pointers change that.

export interface Selection {
  readonly cells: ReadonlySet<number>;
  /** The cell that has the keyboard. */
  readonly cursor: number;
  /** Where a rectangle began. */
  readonly anchor: number;
}

export const single = (cell: number): Selection => ({ cells: new Set([cell]), cursor: cell, anchor: cell });

/** The rectangle from the anchor to a cell. */
export function extended({ anchor }: Selection, grid: number, cell: number): Selection {
  const cells = new Set<number>();
  const [row, column, otherRow, otherColumn] = [...place(anchor, grid), ...place(cell, grid)] as const;
  for (let y = Math.min(row, otherRow); y <= Math.max(row, otherRow); y++)
    for (let x = Math.min(column, otherColumn); x <= Math.max(column, otherColumn); x++) cells.add(y * grid + x);
  return { cells, cursor: cell, anchor };
}

/** The same cells and one more, or without it; the last one stays. */
export function toggled({ cells }: Selection, cell: number): Selection {
  const others = new Set(cells);
  if (!others.delete(cell) || others.size === 0) others.add(cell);
  return { cells: others, cursor: cell, anchor: cell };
}

export function everything(grid: number, { cursor }: Selection): Selection {
  return { cells: new Set(Array.from({ length: grid * grid }, (_, i) => i)), cursor, anchor: cursor };
}

/** The cell that a key goes to, or null for other keys. */
export function destination(key: string, cursor: number, grid: number): number | null {
  const [row, column] = place(cursor, grid);
  const last = grid - 1;
  switch (key) {
    case 'ArrowLeft':
      return row * grid + Math.max(0, column - 1);
    case 'ArrowRight':
      return row * grid + Math.min(last, column + 1);
    case 'ArrowUp':
      return Math.max(0, row - 1) * grid + column;
    case 'ArrowDown':
      return Math.min(last, row + 1) * grid + column;
    case 'Home':
      return row * grid;
    case 'End':
      return row * grid + last;
    case 'PageUp':
      return column;
    case 'PageDown':
      return last * grid + column;
    default:
      return null;
  }
}

/** Row and column, from 0. */
export const place = (cell: number, grid: number): [number, number] => [Math.floor(cell / grid), cell % grid];

/** A cell in words, from 1. */
export function placeName(cell: number, grid: number): string {
  const [row, column] = place(cell, grid);
  return `row ${row + 1}, column ${column + 1}`;
}
