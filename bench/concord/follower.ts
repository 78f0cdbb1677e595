// The other end of a following process.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { GlobalPosition } from '@concord/kernel';
import type { FollowingAnswer, FollowingRequest, FollowingRole } from './following.js';

const PROGRAM = fileURLToPath(new URL('following.js', import.meta.url));
const PATIENCE_MS = 60_000;

export class Follower {
  private constructor(private readonly child: ChildProcess) {}

  /** It follows when this resolves. */
  static async start(url: string, role: FollowingRole, readers: number, from: GlobalPosition): Promise<Follower> {
    const child = fork(PROGRAM, [url, role, String(readers), String(from)], { execArgv: ['--enable-source-maps'] });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the following process ended early')));
    ended.catch(() => undefined);
    await Promise.race([once(child, 'message'), ended]);
    return new Follower(child);
  }

  /** Errors: it has not counted so many in a minute. */
  async counted(least: number): Promise<void> {
    await until(async () => (await this.ask('count')).count, least);
  }

  async times(): Promise<ReadonlyMap<string, bigint>> {
    const { times = [] } = await this.ask('times');
    return new Map(times.map(([id, at]) => [id, BigInt(at)]));
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }

  private async ask(request: FollowingRequest): Promise<FollowingAnswer> {
    const answer = once(this.child, 'message') as Promise<[FollowingAnswer]>;
    this.child.send(request);
    return (await answer)[0];
  }
}

/** Waits for a count. Errors: it does not come. */
export async function until(count: () => number | Promise<number>, least: number): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const counted = await count();
    if (counted >= least) return;
    if (Date.now() > end) throw new Error(`counted ${counted} of ${least}`);
    await sleep(20);
  }
}
