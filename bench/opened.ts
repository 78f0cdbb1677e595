// What a run has opened: databases, contenders and, where one is needed, an EventStoreDB. All of it is closed again.
import { ON_EVENTSTORE, ON_REDIS, type Settings } from './contender.js';
import { createDatabase, dropDatabase } from './databases.js';
import { EventStoreServer } from './event-store-server.js';
import { RedisServer } from './redis-server.js';
import { Remote } from './remote.js';

export class Opened {
  readonly remotes = new Map<string, Remote>();
  private readonly databases: string[] = [];
  private redis: RedisServer | undefined;
  private wire: { readonly settings: Wire; readonly server?: EventStoreServer } | undefined;

  constructor(private readonly server: string) {}

  async open(contender: string, { poolSize, against }: OpenOptions): Promise<void> {
    const settings = ON_EVENTSTORE.includes(contender) ? await this.onTheWire() : await this.onPostgres(contender);
    if (ON_REDIS.includes(contender)) this.redis ??= await RedisServer.start();
    const checkout = contender === 'before' ? against : undefined;
    this.remotes.set(
      contender,
      await Remote.open(contender, { ...settings, poolSize, redisUrl: this.redis?.url }, checkout),
    );
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.remotes.values()].map((remote) => remote.close()));
    await this.wire?.server?.stop();
    await this.redis?.stop();
    for (const url of this.databases) await dropDatabase(this.server, url);
  }

  private async onPostgres(contender: string): Promise<Wire> {
    return {
      url: await this.database(contender),
      projectionUrl: await this.database(`${contender}_projection`),
      feedUrl: await this.database(`${contender}_feed`),
      eventStoreUrl: undefined,
    };
  }

  /** All of them talk to one server: that of EVENTSTORE_URL, or apps/eventstore over a database of this run. */
  private async onTheWire(): Promise<Wire> {
    const given = process.env['EVENTSTORE_URL'];
    if (this.wire) return this.wire.settings;
    const none = { url: '', projectionUrl: '', feedUrl: '' };
    if (given) {
      this.wire = { settings: { ...none, eventStoreUrl: given } };
    } else {
      const url = await this.database('eventstore');
      const server = await EventStoreServer.start(url);
      this.wire = { settings: { ...none, url, eventStoreUrl: server.url }, server };
    }
    return this.wire.settings;
  }

  private async database(name: string): Promise<string> {
    const url = await createDatabase(this.server, name);
    this.databases.push(url);
    return url;
  }
}

type Wire = Omit<Settings, 'poolSize' | 'redisUrl'>;

interface OpenOptions {
  readonly poolSize: number;
  readonly against: string | undefined;
}
