// One transaction on one connection. Statements are sent as they come, without waiting for the ones before: the first
// travels with BEGIN, and what nobody has waited for yet travels with COMMIT.
import type { Writable } from 'node:stream';
import type pg from 'pg';
import { warn } from '@concord/kernel';
import type { DataSource, EntityManager } from 'typeorm';
import { AdoptedQueryRunner } from './adopted-query-runner.js';
import { CommitUnknown, DatabaseUnavailable, isBehindFailure, translateDatabaseError } from './errors.js';
import { bePatient } from './silence.js';
import { refusalOf } from './transaction-control.js';

/** The running transaction. */
export interface Transaction {
  /** TypeORM's manager on this transaction's connection. */
  readonly manager: EntityManager;
  /** Whether its commit or rollback has been sent: it takes no more statements. */
  readonly hasEnded: boolean;
  /** Whether it surely has every lock still that it took: going back to a savepoint gives locks back, and so does its end. */
  readonly keepsLocks: boolean;
  /** Calls back once the commit is durable; never when it was rolled back. */
  onCommit(callback: () => void): void;
  /** The commit waits for this work, whose statements nobody may have awaited, and fails with it. */
  hold(work: Promise<unknown>): void;
  /** From here to its end a statement may take as long as it likes, DATABASE_SILENCE_MS or not. */
  bePatient(): void;
}

export class ActiveTransaction implements Transaction {
  private readonly callbacks: (() => void)[] = [];
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly held: Promise<unknown>[] = [];
  private gathering = false;
  private ended = false;
  private hasUnlocked = false;
  private runner: AdoptedQueryRunner | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly client: pg.PoolClient,
  ) {
    // Whatever the server's default is: each statement sees what was committed before it, as the locks and the feed need.
    this.sendAny({ text: 'begin isolation level read committed' }).catch(() => undefined);
  }

  get manager(): EntityManager {
    if (this.hasEnded) throw new Error(ENDED);
    this.runner ??= new AdoptedQueryRunner(this.dataSource, this.client);
    return this.runner.manager;
  }

  get hasEnded(): boolean {
    return this.ended;
  }

  /** What is done through the manager is not seen here. */
  get keepsLocks(): boolean {
    return !this.hasUnlocked && this.runner === undefined;
  }

  onCommit(callback: () => void): void {
    this.callbacks.push(callback);
  }

  hold(work: Promise<unknown>): void {
    work.catch(() => undefined);
    this.held.push(work);
  }

  bePatient(): void {
    if (!this.hasEnded) bePatient(this.client);
  }

  /** Whether something is to be waited for before the commit. */
  get isHeld(): boolean {
    return this.held.length > 0;
  }

  /** Errors: that of work that was held. */
  async release(): Promise<void> {
    await Promise.all(this.held);
  }

  /**
   * Sends a statement at once. It need not be awaited before the commit, which fails when it has failed. Errors:
   * InvalidArgument for one that would end the transaction, which fails at its commit then.
   */
  send<Row extends object>(statement: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    const refusal = refusalOf(statement);
    if (!refusal) return this.sendAny(statement);
    const refused = Promise.reject<pg.QueryResult<Row>>(refusal);
    this.hold(refused);
    return refused;
  }

  private sendAny<Row extends object>(statement: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    if (this.hasEnded) return Promise.reject(new Error(ENDED));
    if (unlocks(statement)) this.hasUnlocked = true;
    this.gather();
    const answer = this.client.query<Row>(statement).catch((error: unknown) => {
      throw translateDatabaseError(error);
    });
    this.underWay.add(answer);
    // A failure stays, for the commit to find; whoever awaits the answer gets it too.
    answer.then(
      () => this.underWay.delete(answer),
      () => undefined,
    );
    return answer;
  }

  /** Errors: that of a statement nobody awaited; CommitUnknown when the answer was lost. */
  async commit(): Promise<void> {
    const statements = [...this.underWay];
    this.gather();
    this.end();
    const committed = this.client.query('commit').then(
      ({ command }) => command,
      (error: unknown) => translateDatabaseError(error),
    );
    const answers = await Promise.allSettled(statements);
    const outcome = await committed;
    if (outcome instanceof DatabaseUnavailable) {
      throw new CommitUnknown('the connection was lost while committing', {}, { cause: outcome });
    }
    // PostgreSQL answers COMMIT with ROLLBACK, and no error, when a statement before it had failed.
    if (outcome !== 'COMMIT') throw outcome instanceof Error ? outcome : failureOf(answers);
    for (const callback of this.callbacks) callAfterCommit(callback);
  }

  /** Why `error` came about: a statement behind one that has failed only says that it has. */
  async reasonOf(error: unknown): Promise<unknown> {
    if (!isBehindFailure(error)) return error;
    const answers = await Promise.allSettled(this.underWay);
    return answers.find((answer) => answer.status === 'rejected')?.reason ?? error;
  }

  async rollback(): Promise<void> {
    this.end();
    await Promise.allSettled(this.underWay);
    await this.client.query('rollback');
  }

  /** Work that was left running must not reach the connection, which is somebody else's by then. */
  private end(): void {
    this.ended = true;
    this.runner?.end();
  }

  /** Writes what is sent in this turn of the event loop at once: system calls took 40 % of a command's time. */
  private gather(): void {
    if (this.gathering) return;
    const { stream } = (this.client as unknown as { connection: { stream: Writable } }).connection;
    this.gathering = true;
    stream.cork();
    process.nextTick(() => {
      this.gathering = false;
      stream.uncork();
    });
  }
}

// Back to a savepoint: what ends the transaction is refused.
const UNLOCKING = /\brollback\b/i;
const prepared = new Map<string, boolean>();
const ENDED = 'the transaction has ended: await everything that is started in it';

/** Prepared statements are few and come again and again: each is looked through once. */
function unlocks({ name, text }: pg.QueryConfig): boolean {
  if (name === undefined) return UNLOCKING.test(text);
  const known = prepared.get(text) ?? UNLOCKING.test(text);
  prepared.set(text, known);
  return known;
}

/** It is committed: what fails now is told, and changes nothing about that. */
function callAfterCommit(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    warn(error, 'ConcordOnCommit');
  }
}

function failureOf(answers: readonly PromiseSettledResult<unknown>[]): unknown {
  const failed = answers.find((answer) => answer.status === 'rejected');
  return failed?.reason ?? new Error('the transaction was rolled back: a statement in it failed');
}
