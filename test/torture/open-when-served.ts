// A process that starts while the server is being killed waits for it.
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenDatabase, openDatabase } from '@concord/database';

const PATIENCE_MS = 60_000;

export async function openWhenServed(url: string, poolSize: number): Promise<OpenDatabase> {
  for (const deadline = Date.now() + PATIENCE_MS; ;) {
    try {
      return await openDatabase({ url, poolSize });
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}
