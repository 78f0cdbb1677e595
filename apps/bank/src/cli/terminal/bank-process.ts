// The bank without its doors, for the length of one command of a command-line tool.
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { buildOrClose } from '@concord/database';
import { EventStore } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { BankModule, type BankOptions } from '../../bank.module.js';

// Beside the connections of commands: consumers, look-ups, the feed.
const MORE_CONNECTIONS = 8;

type Work<T> = (app: INestApplicationContext) => Promise<T>;

/** Opens the bank, asynchronous projections included: an app on the same database may do the same meanwhile. */
export function withBank<T>(work: Work<T>, concurrency = 1): Promise<T> {
  return within({ poolSize: concurrency + MORE_CONNECTIONS }, work);
}

/** Opens the bank for a look: no projection is run, deployed or built anew. */
export function lookingAtBank<T>(work: Work<T>): Promise<T> {
  return within({ poolSize: 1 + MORE_CONNECTIONS, runProjections: false, deployProjections: false }, work);
}

async function within<T>(options: BankOptions, work: Work<T>): Promise<T> {
  const bank = BankModule.forRoot({ ...options, onProgress: (line) => console.error(line) });
  // Silent while it starts: Nest would print the stack of an error that we report in one line.
  const app = await buildOrClose(() =>
    NestFactory.createApplicationContext(bank, { logger: false, abortOnError: false }),
  );
  app.useLogger(['error', 'fatal']);
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}

/** The position of a tenant's last event; undefined when it has none. */
export async function headOf(app: INestApplicationContext, tenantId: TenantId): Promise<GlobalPosition | undefined> {
  const heads = await app.get(EventStore, { strict: false }).tenantHeads();
  return heads.find((head) => head.tenantId === tenantId)?.head;
}
