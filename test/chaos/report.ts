// A verdict as lines for people: what was looked at, what is wrong, and a few examples of each.
import type { Verdict } from './checker/anomaly.js';

const MOST_EXAMPLES = 3;

export function reported({ anomalies, counts }: Verdict): string[] {
  const lines = Object.entries(counts).map(([what, count]) => `  ${what.padEnd(32)} ${count}`);
  if (anomalies.length === 0) return [...lines, 'no anomaly'];
  const kinds = Map.groupBy(anomalies, ({ type }) => type);
  for (const [type, found] of kinds) {
    lines.push('', `${type}: ${found.length} found`);
    for (const { text } of found.slice(0, MOST_EXAMPLES)) lines.push(text.replaceAll(/^/gm, '  '));
  }
  return [...lines, '', `ANOMALIES: ${[...kinds.keys()].join(', ')}`];
}
