import { currentTenant, parseTenantId, runInTenant, TenantMalformed, TenantMissing } from './tenant-context.js';

describe('the tenant context', () => {
  it('follows what is awaited, and nests', async () => {
    const seen = await runInTenant('outer', async () => {
      const inner = await runInTenant('inner', () => Promise.resolve(currentTenant()));
      await new Promise((resolve) => setTimeout(resolve, 1));
      return [inner, currentTenant()];
    });
    expect(seen).toEqual(['inner', 'outer']);
  });

  it('is refused when it is missing', () => {
    expect(() => currentTenant()).toThrow(TenantMissing);
    expect(() => parseTenantId('')).toThrow(TenantMissing);
    expect(() => parseTenantId(undefined)).toThrow(TenantMissing);
  });

  it.each([' a', '-a', 'a b', 'a/b', '*', 'é', 'a'.repeat(65), 'a\n', "a'--", '\u0000'])('refuses %j', (text) => {
    expect(() => runInTenant(text, () => 1)).toThrow(TenantMalformed);
  });

  it('accepts what the pattern says', () => {
    for (const text of ['a', 'A-1_b.c', '9', 'a'.repeat(64)]) expect(parseTenantId(text)).toBe(text);
  });
});
