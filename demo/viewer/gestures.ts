// Fingers, mouse and wheel on the stage.

export interface Gestures {
  /** A drag begins at a point of the stage; returns what follows it, or null to leave it alone. */
  drag(x: number, y: number): ((dx: number, dy: number, x: number) => void) | null;
  zoom(factor: number, x: number, y: number): void;
  /** A drag or pinch has ended. */
  end(): void;
}

/** Pixels that a pointer moves before a press becomes a drag. */
const SLACK = 4;

/** Listens on an element. Presses that do not move stay clicks of what lies below. */
export function listen(element: HTMLElement, gestures: Gestures): void {
  const pointers = new Map<number, { x: number; y: number }>();
  let move: ReturnType<Gestures['drag']> = null;
  let moved = false;

  const place = (event: MouseEvent) => {
    const { left, top } = element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };

  element.addEventListener('pointerdown', event => {
    if (event.pointerType === 'mouse' && event.button !== 0) return;
    const at = place(event);
    pointers.set(event.pointerId, at);
    if (pointers.size === 1) {
      moved = false;
      move = gestures.drag(at.x, at.y);
    }
  });

  element.addEventListener('pointermove', event => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const at = place(event);
    if (!moved && Math.hypot(at.x - last.x, at.y - last.y) < SLACK) return;
    if (!moved) element.setPointerCapture(event.pointerId);
    moved = true;
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)![1];
      const factor =
        Math.hypot(at.x - other.x, at.y - other.y) / Math.max(1, Math.hypot(last.x - other.x, last.y - other.y));
      gestures.zoom(factor, (at.x + other.x) / 2, (at.y + other.y) / 2);
    } else {
      move?.(at.x - last.x, at.y - last.y, at.x);
    }
    pointers.set(event.pointerId, at);
  });

  const end = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId) || pointers.size > 0) return;
    move = null;
    gestures.end();
  };
  element.addEventListener('pointerup', end);
  element.addEventListener('pointercancel', end);

  // What ends a drag is no click.
  element.addEventListener(
    'click',
    event => {
      if (!moved) return;
      moved = false;
      event.stopPropagation();
      event.preventDefault();
    },
    true,
  );

  element.addEventListener(
    'wheel',
    event => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      // Pinches on touchpads come as small steps with the control key.
      const speed = event.ctrlKey ? 0.01 : 0.002;
      const { x, y } = place(event);
      gestures.zoom(Math.exp(-event.deltaY * lines * speed), x, y);
    },
    { passive: false },
  );
}
