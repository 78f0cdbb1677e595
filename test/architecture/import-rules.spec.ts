// Who may import whom. The rules are in .dependency-cruiser.cjs; here they are shown to catch what they should.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Cruise, cruise, ROOT, RULES_FILE } from './cruise.js';
import { PLANTED, writeTree } from './planted-imports.js';

const rules = createRequire(import.meta.url)(RULES_FILE) as {
  readonly forbidden: readonly { readonly name: string }[];
};

/** `rule: file` of each violation. */
const reported = ({ violations }: Cruise) => violations.map((violation) => violation.split(' -> ')[0]).sort();

function cruiseTree(planted: typeof PLANTED): Cruise {
  const folder = writeTree(planted);
  try {
    return cruise(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('import rules on planted violations', () => {
  let planted: Cruise;
  beforeAll(() => {
    planted = cruiseTree(PLANTED);
  });

  it.each(PLANTED)('$file importing $imports breaks $breaks', ({ file, breaks }) => {
    const found = planted.violations.filter((violation) => violation.includes(`: ${file} -> `));
    expect(found.map((violation) => violation.split(': ')[0]).sort()).toEqual([...breaks].sort());
  });

  it('nothing else is reported', () => {
    const expected = PLANTED.flatMap(({ file, breaks }) => breaks.map((rule) => `${rule}: ${file}`));
    expect(reported(planted)).toEqual(expected.sort());
  });

  it('every rule has a planted violation', () => {
    const broken = new Set(PLANTED.flatMap(({ breaks }) => breaks));
    expect(rules.forbidden.map(({ name }) => name).filter((name) => !broken.has(name))).toEqual([]);
  });
});

describe('import rules on sound code', () => {
  it('report nothing, and follow @concord/<lib> to its index', () => {
    const sound = cruiseTree([]);
    expect(sound.violations).toEqual([]);
    const ours = sound.imports.filter(({ module }) => module.startsWith('@concord/'));
    expect(ours.length).toBeGreaterThan(10);
    for (const { module, resolved } of ours) {
      expect(resolved).toBe(module.replace('@concord/', 'libs/') + '/src/index.ts');
    }
  });
});

describe('import rules on this repository', () => {
  let real: Cruise;
  beforeAll(() => {
    real = cruise(ROOT);
  });

  it('hold', () => {
    expect(real.violations).toEqual([]);
  });

  it('see where each @concord/<lib> leads', () => {
    const ours = real.imports.filter(({ module }) => module.startsWith('@concord/'));
    expect(ours.length).toBeGreaterThan(0);
    expect(ours.filter(({ resolved }) => !/^libs\/[^/]+\/src\/index\.ts$/.test(resolved))).toEqual([]);
  });
});
