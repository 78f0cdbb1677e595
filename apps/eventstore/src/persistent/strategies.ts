// Which consumer gets an event.
import type { Consumer } from './consumer.js';
import type { StrategyName } from './definition.js';
import type { Message } from './message.js';

/** `full`: nobody can take anything now. `later`: who has to get this one cannot yet. */
export type Choice = Consumer | 'full' | 'later';

/** Consumers are in the order in which it is their turn; a strategy changes that order. */
export type Strategy = (message: Message, consumers: Consumer[]) => Choice;

export const strategies: Readonly<Record<StrategyName, Strategy>> = {
  DispatchToSingle: (_message, consumers) => {
    const index = consumers.findIndex(({ slots }) => slots > 0);
    // Those who are full go to the end: one is filled after the other.
    consumers.push(...consumers.splice(0, Math.max(index, 0)));
    return index < 0 ? 'full' : (consumers[0] ?? 'full');
  },
  RoundRobin: (_message, consumers) => {
    const index = consumers.findIndex(({ slots }) => slots > 0);
    if (index < 0) return 'full';
    const passed = consumers.splice(0, index + 1);
    consumers.push(...passed);
    return passed.at(-1) ?? 'full';
  },
  Pinned: pinned,
  PinnedByCorrelation: pinned,
};

/** A lane stays with the consumer that has events of it in hand; else it is the one with the largest weight. */
function pinned({ lane }: Message, consumers: Consumer[]): Choice {
  if (!consumers.some(({ slots }) => slots > 0)) return 'full';
  const weightOf = (consumer: Consumer): number => consumer.weights[lane] ?? 0;
  const chosen =
    consumers.find((consumer) => consumer.holds(lane)) ??
    consumers.reduce((best, consumer) => (weightOf(consumer) > weightOf(best) ? consumer : best));
  return chosen.slots > 0 ? chosen : 'later';
}
