// The workers of a chaos run: started, killed and started again, each with wires of its own to the servers.
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ended, startProcess } from '../../fixtures/process-under-test.js';
import type { FromWorker, ToWorker, WorkerSettings } from '../messages.js';
import { openWire, type Wire } from './wire.js';

export interface WorkersOptions extends Pick<WorkerSettings, 'workload' | 'weakening' | 'origin'> {
  readonly servers: readonly { readonly url: string }[];
  readonly folder: string;
  readonly seed: () => number;
}

const PATIENCE_MS = 60_000;

export class Worker {
  /** It has nothing under way any more. */
  isIdle = false;

  constructor(
    readonly process: ChildProcess,
    readonly wires: readonly Wire[],
  ) {}

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  tell(message: ToWorker): void {
    if (this.process.connected) this.process.send(message, () => undefined);
  }
}

export class Workers {
  readonly files: WorkerSettings['files'][] = [];
  private readonly places: Worker[] = [];
  private generations: number[] = [];

  constructor(private readonly options: WorkersOptions) {}

  get all(): readonly Worker[] {
    return this.places;
  }

  async startAll(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, async (_, place) => (this.places[place] = await this.start())));
  }

  /** Kills the one at a place, if it lives, and starts another. */
  async replace(place: number): Promise<void> {
    const worker = this.places[place];
    if (worker) await this.end(worker);
    this.places[place] = await this.start();
  }

  /** No more orders; resolves when those under way have ended. */
  async stop(): Promise<void> {
    for (const worker of this.places) worker.tell('stop');
    await this.until(() => this.places.every((worker) => worker.isIdle), 'a worker does not come to rest');
  }

  async leave(): Promise<void> {
    for (const worker of this.places) worker.tell('leave');
    await this.until(() => this.places.every((worker) => worker.hasEnded), 'a worker does not leave');
    await this.clear();
  }

  /** Whatever is still there. */
  async clear(): Promise<void> {
    await Promise.all(this.places.splice(0).map((worker) => this.end(worker)));
  }

  private async start(): Promise<Worker> {
    const { servers, folder, seed, workload, weakening, origin } = this.options;
    const worker = this.files.length + 1;
    const files = { history: join(folder, `history-${worker}`), complaints: join(folder, `complaints-${worker}`) };
    this.files.push(files);
    const wires = await Promise.all(servers.map(openWire));
    const urls = wires.map(({ url }) => url);
    const { generations } = this;
    const settings: WorkerSettings = { worker, seed: seed(), workload, weakening, urls, origin, generations, files };
    const { process } = await startProcess<FromWorker>('../chaos/worker.ts', JSON.stringify(settings));
    const started = new Worker(process, wires);
    process.on('message', (message: FromWorker) => {
      if (message === 'idle') started.isIdle = true;
      else if (message !== 'ready') this.learn(message.generations);
    });
    return started;
  }

  private learn(generations: readonly number[]): void {
    this.generations = generations.map((generation, slot) => Math.max(generation, this.generations[slot] ?? 0));
  }

  private async end(worker: Worker): Promise<void> {
    worker.process.kill('SIGKILL');
    await ended(worker.process);
    for (const wire of worker.wires) wire.close();
  }

  private async until(condition: () => boolean, otherwise: string): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; !condition();) {
      if (Date.now() > deadline) throw new Error(otherwise);
      await sleep(20);
    }
  }
}
