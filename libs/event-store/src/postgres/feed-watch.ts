// Watches over the feed: looks every few seconds, logs when it begins to stand and when it moves again, and keeps the last
// reading for gauges. A health check asks it anew.
import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { observe, withoutTrace } from '@concord/telemetry';
import type { FeedDiagnosis, FeedHolder, FeedHorizon, FeedLag } from './feed-horizon.js';

/** `delayed`: events have been hidden for longer than an append should take; `stalled`: for too long. */
export type FeedState = 'flowing' | 'delayed' | 'stalled';

/** From when on a lag counts. */
export interface FeedThresholds {
  /** How often to look; 2 s by default. */
  readonly everyMs?: number;
  /** From when on the feed is delayed, which is logged; 5 s by default. */
  readonly delayedAfterMs?: number;
  /** From when on it is stalled; 60 s by default, twice the time after which an idle transaction of ours is ended. 0: never. */
  readonly stalledAfterMs?: number;
}

/** What was seen last: the one place from which metrics are read. */
export interface FeedReading extends FeedLag {
  readonly state: FeedState;
}

/** The watch over the feed of one database. */
export class FeedWatch {
  private readonly logger = new Logger('Feed');
  private readonly thresholds: Required<FeedThresholds>;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private reading: FeedReading | undefined;
  private standingSince: number | undefined;
  private logged: FeedState = 'flowing';

  constructor(
    private readonly horizon: FeedHorizon,
    thresholds: FeedThresholds = {},
  ) {
    this.thresholds = { everyMs: 2_000, delayedAfterMs: 5_000, stalledAfterMs: 60_000, ...thresholds };
  }

  /** The last reading; undefined before the first one. `at` tells how old it is. */
  get latest(): FeedReading | undefined {
    return this.reading;
  }

  /** Starts to look in the background; a second call does nothing. Keeps no process alive. */
  start(): void {
    this.running ??= withoutTrace(() => this.run());
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Looks now; with holders when the feed does not flow. Errors: DatabaseUnavailable. */
  async look(): Promise<FeedReading & Pick<FeedDiagnosis, 'holders'>> {
    const lag = await this.horizon.lag();
    const state = this.stateOf(lag);
    this.reading = { ...lag, state };
    if (state === 'flowing') {
      this.tellEnd(lag);
      return { ...lag, state, holders: [] };
    }
    const diagnosis = await this.horizon.diagnose();
    this.tellBegin(state, lag, diagnosis.holders);
    return { ...lag, state, holders: diagnosis.holders };
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const unobserved = this.observed();
    while (!signal.aborted) {
      // Whether the database answers is for others to tell.
      await this.look().catch(() => undefined);
      await sleep(this.thresholds.everyMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
    unobserved();
  }

  /** Gauges show what was seen last: reading them asks the database nothing. The answer is the way to stop. */
  private observed(): () => void {
    const stops = [
      observe('concord.feed.lag', (result) => this.reading && result.observe(Number(this.reading.positions))),
      observe('concord.feed.hidden_time', (result) => this.reading && result.observe(this.reading.milliseconds / 1000)),
    ];
    return () => stops.forEach((stop) => stop());
  }

  private stateOf({ milliseconds }: FeedLag): FeedState {
    const { delayedAfterMs, stalledAfterMs } = this.thresholds;
    if (stalledAfterMs > 0 && milliseconds >= stalledAfterMs) return 'stalled';
    return milliseconds >= delayedAfterMs ? 'delayed' : 'flowing';
  }

  /** Once when it begins to stand, and once more when it has become stalled. */
  private tellBegin(state: FeedState, lag: FeedLag, holders: readonly FeedHolder[]): void {
    this.standingSince ??= lag.at.getTime() - lag.milliseconds;
    if (state === this.logged || this.logged === 'stalled') return;
    this.logged = state;
    const { horizon, positions, milliseconds } = lag;
    const text =
      `the feed stands at position ${horizon} and has hidden committed events for ${seconds(milliseconds)}: ` +
      `${positions} positions wait for ${holders.map(explain).join('; ') || 'an append that has just ended'}`;
    if (state === 'stalled') this.logger.error(text);
    else this.logger.warn(text);
  }

  private tellEnd(lag: FeedLag): void {
    if (this.standingSince === undefined) return;
    const stood = seconds(lag.at.getTime() - this.standingSince);
    this.logger.warn(`the feed moves again, at position ${lag.horizon}: it had hidden events for ${stood}`);
    this.standingSince = undefined;
    this.logged = 'flowing';
  }
}

function explain(holder: FeedHolder): string {
  const { pid, prepared, application, client, role, state, inStateSince, began, blockedBy, query } = holder;
  const who = pid === undefined ? `the prepared transaction "${prepared ?? '?'}"` : `session ${pid}`;
  const details = [
    application && `application "${application}"`,
    client && `from ${client}`,
    role && `as ${role}`,
    inStateSince ? `${state} since ${inStateSince.toISOString()}` : state,
    began && `in a transaction that began at ${began.toISOString()}`,
    blockedBy.length > 0 && `waiting for session ${blockedBy.join(', ')}`,
    streamsOf(holder),
    query && `statement: ${query.replace(/\s+/g, ' ')}`,
  ];
  return `${who} (${details.filter(Boolean).join(', ')})`;
}

function streamsOf({ lockedStreams, streams }: FeedHolder): string {
  const unknown = lockedStreams - streams.length;
  const names = unknown > 0 ? [...streams, `${unknown} that cannot be told`] : streams;
  return names.length > 0 ? `streams ${names.join(', ')}` : '';
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
