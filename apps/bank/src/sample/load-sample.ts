// Gives a first start something to look at: the sample of apps/bank/sample, imported into the tenant `demo` of an
// embedded database. CONCORD_SAMPLE=on does so in a database of your own too, CONCORD_SAMPLE=off never.
import { fileURLToPath } from 'node:url';
import type { INestApplicationContext } from '@nestjs/common';
import { EventStore } from '@concord/event-store';
import { runInTenant } from '@concord/tenancy';
import { importFolder } from '../cli/import/import-folder.js';
import { ImportSource } from '../cli/import/import-source.js';
import { importedBefore } from '../cli/import/imported-before.js';
import { sendDistrict } from '../cli/import/sendings.js';

/** Why there was nothing to load: it is not wanted, it is there, or the tenant has data of its own. */
export type SampleOutcome =
  | { readonly loaded: true; readonly rows: number; readonly refused: number }
  | { readonly loaded: false; readonly because: 'not-wanted' | 'complete' | 'tenant-in-use' };

export const SAMPLE_TENANT = 'demo';
// The same place seen from src and from dist.
const FOLDER = fileURLToPath(new URL('../../sample/', import.meta.url));
const CONCURRENCY = 12;

/** Call it before the app listens. A load that was cut off by a crash is completed. Errors: those of the store. */
export async function loadSampleOnFirstStart(app: INestApplicationContext): Promise<SampleOutcome> {
  if (!isWanted()) return { loaded: false, because: 'not-wanted' };
  const source = await ImportSource.open(FOLDER);
  return runInTenant(SAMPLE_TENANT, async () => {
    if (await isOthers(app, source)) return { loaded: false, because: 'tenant-in-use' };
    // Rows that are there are only looked up: a start with a complete sample costs a few milliseconds.
    const { rows, refused } = await load(app, source);
    return rows > 0 ? { loaded: true, rows, refused } : { loaded: false, because: 'complete' };
  });
}

function isWanted(): boolean {
  const wish = process.env['CONCORD_SAMPLE'];
  return wish === 'on' || (wish !== 'off' && !process.env['DATABASE_URL']);
}

/** Whether the tenant has events and none of them is of the sample, whose districts come first. */
async function isOthers(app: INestApplicationContext, source: ImportSource): Promise<boolean> {
  const store = app.get(EventStore, { strict: false });
  const heads = await store.tenantHeads();
  if (!heads.some(({ tenantId }) => tenantId === SAMPLE_TENANT)) return false;
  const districts = [];
  for await (const read of source.districts()) if (read.refused === undefined) districts.push(sendDistrict(read.row));
  return (await importedBefore(store, districts)).size === 0;
}

async function load(
  app: INestApplicationContext,
  source: ImportSource,
): Promise<{ readonly rows: number; readonly refused: number }> {
  const options = { currency: 'CZK', concurrency: CONCURRENCY };
  const { files } = await importFolder(app, source, await source.survey(), options);
  const sum = (what: 'imported' | 'refused'): number => files.reduce((total, { tally }) => total + tally[what], 0);
  return { rows: sum('imported'), refused: sum('refused') };
}
