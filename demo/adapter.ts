// What the page says of its adapter.

import type { State } from './store.js';

/** On what it works, and what the self-test said of that. */
export function adapterWords({ engine, place }: Pick<State, 'engine' | 'place'>): string {
  if (place === 'server' || engine.status !== 'ready' || !engine.info) return '';
  const { adapter, precision, selfTest } = engine.info;
  const where = `Works on ${adapter}, with ${precision === 'f16' ? 16 : 32} bits`;
  if (!selfTest) return `${where}.`;
  const { givenUp, faults } = selfTest;
  if (givenUp.length === 0) return `${where}; its self-test found nothing wrong.`;
  return `${where}, without ${givenUp.join(', ')}: its self-test found ${faults[0]}.`;
}
