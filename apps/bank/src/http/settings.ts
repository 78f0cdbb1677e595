// The settings of the doors, from the environment.
import { logLevelSetting, wholeNumberSetting } from '@concord/kernel';

/** Times are in milliseconds, sizes in bytes. */
export class HttpSettings {
  readonly host: string;
  readonly port: number;
  /** How long a reader waits for a read model to show a position. */
  readonly readWait: number;
  /** How long a shutdown waits for requests that are under way. */
  readonly shutdown: number;
  readonly bodyLimit: number;
  /** How long committed events may be hidden from the feed before the bank says so, and before it is not ready (0: never). */
  readonly feedDelayed: number;
  readonly feedStalled: number;
  readonly logLevel: string;
  /** Whether the GraphiQL page is served. */
  readonly graphiql: boolean;

  /** Errors: InvalidArgument that names the variable. */
  constructor(environment: NodeJS.ProcessEnv = process.env) {
    const whole = (name: string, fallback: number, max: number): number =>
      wholeNumberSetting(environment, name, fallback, max);
    this.host = environment['HOST'] || '127.0.0.1';
    this.port = whole('PORT', 3000, 65_535);
    this.readWait = whole('READ_WAIT_MS', 2_000, 60_000);
    this.shutdown = whole('SHUTDOWN_MS', 10_000, 600_000);
    this.bodyLimit = whole('BODY_LIMIT', 64 * 1024, 100 * 1024 * 1024);
    this.feedDelayed = whole('FEED_DELAYED_MS', 5_000, 3_600_000);
    this.feedStalled = whole('FEED_STALLED_MS', 60_000, 86_400_000);
    this.logLevel = logLevelSetting(environment);
    this.graphiql = environment['NODE_ENV'] !== 'production';
  }
}
