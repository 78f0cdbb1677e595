// Three stores: two of a coordinator that survives everything, and one of a service that may be killed and comes back.
import { deepStrictEqual } from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { RemoteParticipant, TransactionCoordinator, TwoPhaseModule } from '@concord/coordination';
import { createTestDatabase } from '@concord/testing';
import { until } from '../contract/locking/kit.js';
import { freePort } from '../fixtures/free-port.js';
import { ended, startProcess } from '../fixtures/process-under-test.js';
import { Notes, readNotes } from '../torture/model.js';
import { fill, openSide, openStore, preparedLocks, type Side, twoDatabases } from './kit.js';
import { SECRET, SERVICE } from './service.js';
import { type Acknowledged, type Failpoint, missing, movesOf, sumsOfTransactions } from './victims.js';

@Global()
@Module({})
class Coordinators {
  static of(coordinator: TransactionCoordinator): DynamicModule {
    const provided = { provide: TransactionCoordinator, useValue: coordinator };
    return { module: Coordinators, providers: [provided], exports: [TransactionCoordinator] };
  }
}

/** Serves what services ask, and runs recovery. */
export async function serveCoordinator(
  coordinator: TransactionCoordinator,
  port: number,
): Promise<NestFastifyApplication> {
  const imports = [Coordinators.of(coordinator), TwoPhaseModule.forCoordinator({ secrets: [SECRET] })];
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: Coordinators, imports },
    new FastifyAdapter(),
    { logger: false },
  );
  await app.listen(port, '127.0.0.1');
  return app;
}

export class World {
  private service: ChildProcess | undefined;

  private constructor(
    readonly side: Side,
    /** The service's store, seen from aside. */
    readonly c: Awaited<ReturnType<typeof openStore>>,
    readonly settings: {
      readonly urls: readonly [string, string];
      readonly serviceUrl: string;
      readonly databaseUrl: string;
      readonly coordinatorUrl: string;
      readonly acknowledged: string;
    },
    private readonly closing: readonly (() => Promise<void>)[],
  ) {}

  static async open(): Promise<World> {
    const [stores, third] = [await twoDatabases(), await createTestDatabase()];
    const [servicePort, port] = [await freePort(), await freePort()];
    const serviceUrl = `http://127.0.0.1:${servicePort}`;
    const remote = new RemoteParticipant({ name: SERVICE, url: serviceUrl, secret: SECRET, timeoutMs: 2000 });
    const timing = { everyMs: 100, graceMs: 200, askAfterMs: 1500, patienceMs: 2000 };
    const side = await openSide(stores.urls, { others: [remote], ...timing });
    const app = await serveCoordinator(side.coordinator, port);
    const c = await openStore(SERVICE, third.url);
    const folder = mkdtempSync(join(tmpdir(), 'concord-two-phase-'));
    const settings = {
      acknowledged: join(folder, 'acknowledged'),
      urls: stores.urls,
      serviceUrl,
      databaseUrl: third.url,
      coordinatorUrl: `http://127.0.0.1:${port}`,
    };
    const closing = [() => app.close(), () => side.close(), () => c.close(), () => stores.drop(), () => third.drop()];
    closing.push(async () => rmSync(folder, { recursive: true }));
    return new World(side, c, settings, closing);
  }

  /** Starts the service, or starts it again. */
  async startService(): Promise<void> {
    const { databaseUrl, coordinatorUrl, serviceUrl } = this.settings;
    const args = [databaseUrl, coordinatorUrl, new URL(serviceUrl).port];
    this.service = (await startProcess('purse-service-process.ts', ...args)).process;
  }

  /** From now on the service is killed at that point; resolves with how it ended when `work` is over and it has. */
  async killServiceAt(point: Failpoint, work: () => Promise<unknown>): Promise<NodeJS.Signals | null> {
    const { service } = this;
    if (!service) throw new Error('start it first');
    service.send(`${point}:kill`);
    await once(service, 'message');
    await work();
    await ended(service);
    return service.signalCode;
  }

  async stopService(): Promise<void> {
    this.service?.kill('SIGKILL');
    if (this.service) await ended(this.service);
  }

  async fill(purse: string, amount: bigint): Promise<void> {
    const notes = new Notes<Acknowledged>(this.settings.acknowledged);
    for (const store of ['a', 'b']) {
      const { id } = await fill(this.side, store, purse, amount);
      notes.write({ id, moved: { [store]: amount.toString() } });
    }
    notes.close();
  }

  /**
   * What the issue asks for: within 30 s nothing is in doubt, no lock is left, all agree, no money came or went, and what was
   * acknowledged is there, once, in each store. Answers how many transactions were.
   */
  async judge(filled: readonly string[]): Promise<number> {
    const { a, b, coordinator } = this.side;
    await until('nothing in doubt, no lock left', async () => {
      const open = [...(await coordinator.transactions()), ...(await this.c.participant.inDoubt(0))];
      const locks = await Promise.all([a, b, this.c].map(preparedLocks));
      return open.length === 0 && locks.flat().length === 0;
    });
    const moves = { a: await movesOf(a.store), b: await movesOf(b.store), [SERVICE]: await movesOf(this.c.store) };
    const acknowledged = readNotes<Acknowledged>(this.settings.acknowledged);
    deepStrictEqual(missing(acknowledged, moves), [], 'what was acknowledged is not there');
    const moved = [...sumsOfTransactions(Object.values(moves).flat())].filter(([, sum]) => sum !== 0n);
    // Those that put money in, one a store and purse.
    deepStrictEqual(
      moved.map(([, sum]) => sum > 0n),
      filled.flatMap(() => [true, true]),
      'a transaction was applied in part',
    );
    const rows = await a.database.query({ text: 'select transaction_id from concord.transactions' });
    deepStrictEqual(rows, [], 'the log of decisions has not forgotten');
    return acknowledged.length;
  }

  async close(): Promise<void> {
    await this.stopService();
    for (const close of this.closing) await close();
  }
}
