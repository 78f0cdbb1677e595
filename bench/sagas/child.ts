// The process of one contender in one round: opens it, warms it up, and tells how long the chains took.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { ConcordSagas } from './concord.js';
import { type SagaContender, STEPS } from './contender.js';
import { DbosSagas } from './dbos.js';

const MAKE: Readonly<Record<string, () => SagaContender>> = {
  concord: () => new ConcordSagas(),
  'dbos, empty steps': () => new DbosSagas(false),
  'dbos, steps that insert': () => new DbosSagas(true),
};

const [name = '', url = '', count = '0'] = process.argv.slice(2);
const chains = (length: number): string[] => Array.from({ length }, () => randomUUID());
const contender = MAKE[name]?.();
if (!contender) throw new Error(`no contender is called ${name}`);
await contender.open(url);
await contender.run(chains(Number(count)));
const begun = performance.now();
await contender.run(chains(Number(count)));
const seconds = (performance.now() - begun) / 1000;
const effects = await contender.effects();
if (effects !== undefined && effects !== 2 * Number(count) * STEPS) throw new Error(`${effects} steps had an effect`);
await contender.close();
process.send?.({ seconds });
process.disconnect();
