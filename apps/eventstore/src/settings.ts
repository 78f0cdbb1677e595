// The settings of the server, from the environment.
import { readFileSync } from 'node:fs';
import { InvalidArgument, logLevelSetting, wholeNumberSetting } from '@concord/kernel';
import { parseTenantId, type TenantId } from '@concord/tenancy';

/** A certificate and its key, as PEM. */
export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

const MIN_LEASE_MS = 100;
const MEBIBYTE = 1024 * 1024;

/** Times are in milliseconds, sizes in bytes. */
export class EventStoreSettings {
  readonly host: string;
  readonly port: number;
  /** Whose streams are served. */
  readonly tenant: TenantId;
  /** The largest append, payloads and metadata together. */
  readonly maxAppendSize: number;
  /** How long a shutdown waits for calls that are under way. */
  readonly shutdown: number;
  /** After how long another server takes over the persistent subscriptions of one that is silent. */
  readonly lease: number;
  readonly logLevel: string;
  /** The folder of archived events. Without it what would need them is refused. */
  readonly archive: string | undefined;
  readonly tls: Tls | undefined;
  /** `name:password,...`; empty: nobody is asked who they are. */
  readonly users: string;

  /** Errors: InvalidArgument that names the variable. */
  constructor(environment: NodeJS.ProcessEnv = process.env) {
    const whole = (name: string, fallback: number, max: number): number =>
      wholeNumberSetting(environment, name, fallback, max);
    this.host = environment['EVENTSTORE_HOST'] || '127.0.0.1';
    this.port = whole('EVENTSTORE_PORT', 2113, 65_535);
    this.tenant = parseTenantId(environment['EVENTSTORE_TENANT'] || 'default');
    this.maxAppendSize = whole('EVENTSTORE_MAX_APPEND_SIZE', MEBIBYTE, 64 * MEBIBYTE);
    this.shutdown = whole('SHUTDOWN_MS', 10_000, 600_000);
    this.logLevel = logLevelSetting(environment);
    this.lease = Math.max(whole('EVENTSTORE_LEASE_MS', 5000, 600_000), MIN_LEASE_MS);
    this.tls = tlsOf(environment['EVENTSTORE_TLS_CERT'], environment['EVENTSTORE_TLS_KEY']);
    this.archive = environment['EVENTSTORE_ARCHIVE'] || undefined;
    this.users = environment['EVENTSTORE_USERS'] ?? '';
    this.assertSafe();
  }

  private assertSafe(): void {
    if (this.users !== '' && !this.tls) {
      throw new InvalidArgument(
        'EVENTSTORE_USERS needs EVENTSTORE_TLS_CERT and EVENTSTORE_TLS_KEY: passwords would travel in the clear',
      );
    }
    if (this.users === '' && !LOOPBACK.test(this.host)) {
      throw new InvalidArgument(
        `EVENTSTORE_HOST="${this.host}" lets others in: set EVENTSTORE_USERS, or listen on 127.0.0.1 only`,
      );
    }
  }
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?)$/;

function tlsOf(cert: string | undefined, key: string | undefined): Tls | undefined {
  if (!cert && !key) return undefined;
  if (!cert || !key) throw new InvalidArgument('EVENTSTORE_TLS_CERT and EVENTSTORE_TLS_KEY are given together');
  return { cert: contentOf('EVENTSTORE_TLS_CERT', cert), key: contentOf('EVENTSTORE_TLS_KEY', key) };
}

function contentOf(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new InvalidArgument(`${name}="${file}" cannot be read`, {}, { cause: error });
  }
}
