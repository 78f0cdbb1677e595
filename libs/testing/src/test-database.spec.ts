import { createTestDatabase, withClient } from './test-database.js';

describe('createTestDatabase', () => {
  it('gives each caller a migrated database of its own, and drops it under its connections', async () => {
    const databases = await Promise.all([1, 2, 3, 4].map(() => createTestDatabase()));
    expect(new Set(databases.map(({ url }) => url)).size).toBe(4);
    await withClient(databases[0]!.url, async (client) => {
      const { rows } = await client.query(`SELECT to_regclass('concord.migration_checksum') IS NOT NULL AS migrated`);
      expect(rows).toEqual([{ migrated: true }]);
      client.on('error', () => undefined); // The connection is cut, on purpose.
      await Promise.all(databases.map((database) => database.drop()));
    });
    await expect(withClient(databases[0]!.url, () => Promise.resolve())).rejects.toMatchObject({ code: '3D000' });
  });
});
