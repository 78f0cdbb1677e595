// Runs dependency-cruiser with the repository's own rules over a tree: the repository, or one with planted violations.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The repository's root folder. */
export const ROOT = resolve(import.meta.dirname, '../..');
/** The rules under test. */
export const RULES_FILE = join(ROOT, '.dependency-cruiser.cjs');

const CRUISER = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

interface Dependency {
  readonly module: string;
  readonly resolved: string;
}

interface CruiseResult {
  readonly modules: readonly { readonly source: string; readonly dependencies: readonly Dependency[] }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
}

/** What a cruise found: the broken rules as `rule: from -> to`, and every import as it was written and where it leads. */
export interface Cruise {
  readonly violations: readonly string[];
  readonly imports: readonly Dependency[];
}

/** Cruises the tree below `cwd`. */
export function cruise(cwd: string): Cruise {
  const folders = ['apps', 'libs', 'test', 'bench'].filter((folder) => existsSync(join(cwd, folder)));
  const run = spawnSync(process.execPath, [CRUISER, ...folders, '--config', RULES_FILE, '--output-type', 'json'], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
    maxBuffer: 256 * 1024 * 1024,
  });
  if (!run.stdout.startsWith('{')) throw new Error(`dependency-cruiser failed: ${run.stderr}`);
  const { modules, summary } = JSON.parse(run.stdout) as CruiseResult;
  return {
    violations: summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
    imports: modules.flatMap(({ dependencies }) => dependencies),
  };
}
