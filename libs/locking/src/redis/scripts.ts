// The Lua scripts beside this file, by the names under which ioredis sends them: by their hash, and once in full where the
// server has not seen them.
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const read = (name: string): string => readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8');
const common = read('common');

const SCRIPTS = {
  turn: common + read('turn'),
  look: common + read('look'),
  beat: common + read('beat'),
  reap: common + read('reap'),
  settle: common + read('settle'),
  restore: common + read('restore'),
  releasePrepared: common + read('release-prepared'),
  list: common + read('list'),
  proposeLife: read('propose-life'),
  beginLife: read('begin-life'),
} as const;

export type ScriptName = keyof typeof SCRIPTS;

type Run = (key: string, ...values: readonly (string | number)[]) => Promise<unknown>;

export function defineScripts(client: Redis): void {
  for (const [name, lua] of Object.entries(SCRIPTS)) client.defineCommand(`concord:${name}`, { numberOfKeys: 1, lua });
}

/** Runs a script whose key this is. Errors: those of ioredis. */
export function runScript(
  client: Redis,
  name: ScriptName,
  key: string,
  values: readonly (string | number)[],
): Promise<unknown> {
  return (client as unknown as Record<string, Run>)[`concord:${name}`]?.(key, ...values) ?? unknown(name);
}

function unknown(name: string): never {
  throw new Error(`unreachable: script ${name} is not defined`);
}
