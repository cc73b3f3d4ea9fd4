import type { SeededRandom } from '../../test/fakes/seeded-random.ts';
import type { Visitor } from './visitor.ts';

type Action = readonly [name: string, weight: number, act: (visitor: Visitor) => Promise<unknown>];

/** What a visitor does whose first tab stays open for the whole soak: its memory is what is watched. */
export const RESIDENT_ACTIONS: readonly Action[] = [
  ['read', 12, (visitor) => visitor.read()],
  ['update', 3, (visitor) => visitor.update()],
  ['prefetch', 1, (visitor) => visitor.prefetch()],
  ['open or close a second tab', 2, (visitor) => visitor.toggleSecondTab()],
];

/** One action in three takes somebody away from the others: of 120 in an hour, a resident meets most. */
export const PASSING_ACTIONS: readonly Action[] = [
  ['read', 12, (visitor) => visitor.read()],
  ['update', 1, (visitor) => visitor.update()],
  ['prefetch', 1, (visitor) => visitor.prefetch()],
  ['open or close a second tab', 2, (visitor) => visitor.toggleSecondTab()],
  ['lose the leader', 2, (visitor) => visitor.loseLeader()],
  ['reload', 2, (visitor) => visitor.reload()],
  ['wipe', 1, (visitor) => visitor.wipe()],
  ['replace', 2, (visitor) => visitor.replace()],
];

export function nextAction(actions: readonly Action[], random: SeededRandom): Action {
  let left = random.next() * actions.reduce((sum, [, weight]) => sum + weight, 0);
  for (const action of actions) {
    left -= action[1];
    if (left < 0) return action;
  }
  throw new Error('no action has a weight');
}
