// What contenders that talk to a server know of the database behind it: that of apps/eventstore, or nothing.
import type { Settings } from '../contender.js';
import { withClient } from '../databases.js';

/** Events of an append while seeding. */
export const WIRE_BATCH = 500;

export async function settingOf({ url }: Settings, setting: string): Promise<string | undefined> {
  if (url === '') return undefined;
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ value: string }>('select current_setting($1) as value', [setting]);
    return rows[0]?.value;
  });
}

export async function vacuumed({ url }: Settings): Promise<void> {
  if (url !== '') await withClient(url, (client) => client.query('vacuum analyze'));
}
