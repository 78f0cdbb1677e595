// The gRPC server: its services, its door, and how it closes.
import { promisify } from 'node:util';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Users } from '../access/users.js';
import { persistentHandlers } from '../persistent/handlers.js';
import { read } from '../reading/read.js';
import { ServedStore } from '../served-store.js';
import { EventStoreSettings } from '../settings.js';
import { append } from '../streams/append.js';
import { batchAppend } from '../streams/batch-append.js';
import { deleteStream, tombstoneStream } from '../streams/delete.js';
import { clusterInfo } from './gossip.js';
import { answering, open, streaming } from './handlers.js';
import { GossipService, PersistentSubscriptionsService, ServerFeaturesService, StreamsService } from './protocol.js';
import { supportedMethods } from './server-features.js';
import { ServerClosing } from './stopping.js';

// What a client may send at once: the Node client sends up to 3 MiB, others an append whole. Larger ones fail in
// Proposal, with an error that says so.
const LEEWAY = 16 * 1024 * 1024;

const logger = new Logger('EventStoreServer');

@Injectable()
export class GrpcServer implements OnModuleDestroy {
  private readonly server: Server;
  private readonly closing = new AbortController();

  constructor(
    private readonly settings: EventStoreSettings,
    private readonly served: ServedStore,
    private readonly users: Users,
  ) {
    this.server = new Server({ 'grpc.max_receive_message_length': settings.maxAppendSize + LEEWAY });
    this.addServices();
  }

  /** The port it listens on; 0 before. */
  get port(): number {
    return this.served.port;
  }

  /** Errors: EADDRINUSE and the like, as the text says. */
  async listen(): Promise<void> {
    const { host, port } = this.settings;
    const bind = promisify(this.server.bindAsync.bind(this.server));
    this.served.port = await bind(`${host}:${port}`, credentialsOf(this.settings));
  }

  /** Calls under way are finished, within a bound; those without an end of their own are told to go elsewhere. */
  async onModuleDestroy(): Promise<void> {
    const { wake, subscriptions } = this.served;
    wake.stop();
    this.closing.abort(new ServerClosing());
    await subscriptions.close(new ServerClosing()).catch((error: unknown) => logger.warn(String(error)));
    const late = setTimeout(() => this.server.forceShutdown(), this.settings.shutdown);
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    clearTimeout(late);
  }

  private addServices(): void {
    const surroundings = { tenant: this.settings.tenant, users: this.users, closing: this.closing.signal };
    const { store, stored, wake, access, subscriptions } = this.served;
    const parts = { store, stored, wake, access, maxAppendSize: this.settings.maxAppendSize };
    this.server.addService(StreamsService, {
      read: streaming(surroundings, (call: Parameters<typeof read>[1], calling) => read(parts, call, calling)),
      delete: answering(surroundings, (call: Parameters<typeof deleteStream>[1], user) =>
        deleteStream(parts, call, user),
      ),
      tombstone: answering(surroundings, (call: Parameters<typeof tombstoneStream>[1], user) =>
        tombstoneStream(parts, call, user),
      ),
      append: answering(surroundings, (call: Parameters<typeof append>[1], user) => append(parts, call, user)),
      batchAppend: streaming(surroundings, (call: Parameters<typeof batchAppend>[1], calling) =>
        batchAppend(parts, call, calling),
      ),
    });
    const managed = { stored, access, subscriptions };
    this.server.addService(PersistentSubscriptionsService, persistentHandlers(surroundings, managed));
    this.server.addService(ServerFeaturesService, {
      getSupportedMethods: open(() => supportedMethods()),
    });
    this.server.addService(GossipService, {
      read: open((call) => clusterInfo(call.getHost(), this.port)),
    });
  }
}

function credentialsOf({ tls }: EventStoreSettings): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(null, [{ private_key: tls.key, cert_chain: tls.cert }]);
}
