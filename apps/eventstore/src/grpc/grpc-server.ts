// The gRPC server: its services, its door, and how it closes.
import { promisify } from 'node:util';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { EventStore, StoredEvents } from '@concord/event-store';
import { read } from '../reading/read.js';
import { Wake } from '../reading/wake.js';
import { EventStoreSettings } from '../settings.js';
import { append } from '../streams/append.js';
import { batchAppend } from '../streams/batch-append.js';
import { deleteStream, tombstoneStream } from '../streams/delete.js';
import { clusterInfo } from './gossip.js';
import { answering, streaming } from './handlers.js';
import { GossipService, ServerFeaturesService, StreamsService } from './protocol.js';
import { supportedMethods } from './server-features.js';
import { ServerClosing } from './stopping.js';

// What a client may send at once: the Node client sends up to 3 MiB, others an append whole. Larger ones fail in
// Proposal, with an error that says so.
const LEEWAY = 16 * 1024 * 1024;

@Injectable()
export class GrpcServer implements OnModuleDestroy {
  private readonly server: Server;
  private readonly closing = new AbortController();
  private readonly wake: Wake;
  private bound = 0;

  constructor(
    private readonly settings: EventStoreSettings,
    private readonly store: EventStore,
    private readonly stored: StoredEvents,
  ) {
    this.wake = new Wake(store, stored);
    this.server = new Server({ 'grpc.max_receive_message_length': settings.maxAppendSize + LEEWAY });
    this.addServices();
  }

  /** The port it listens on; 0 before. */
  get port(): number {
    return this.bound;
  }

  /** Errors: EADDRINUSE and the like, as the text says. */
  async listen(): Promise<void> {
    const { host, port } = this.settings;
    const bind = promisify(this.server.bindAsync.bind(this.server));
    this.bound = await bind(`${host}:${port}`, ServerCredentials.createInsecure());
  }

  /** Calls under way are finished, within a bound; those without an end of their own are told to go elsewhere. */
  async onModuleDestroy(): Promise<void> {
    this.wake.stop();
    this.closing.abort(new ServerClosing());
    const late = setTimeout(() => this.server.forceShutdown(), this.settings.shutdown);
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    clearTimeout(late);
  }

  private addServices(): void {
    const surroundings = { tenant: this.settings.tenant, closing: this.closing.signal };
    const { store, stored, wake } = this;
    const parts = { store, stored, wake, maxAppendSize: this.settings.maxAppendSize };
    this.server.addService(StreamsService, {
      read: streaming(surroundings, (call: Parameters<typeof read>[1], stop) => read(parts, call, stop)),
      delete: answering(surroundings, (call: Parameters<typeof deleteStream>[1]) => deleteStream(parts, call)),
      tombstone: answering(surroundings, (call: Parameters<typeof tombstoneStream>[1]) => tombstoneStream(parts, call)),
      append: answering(surroundings, (call: Parameters<typeof append>[1]) => append(parts, call)),
      batchAppend: streaming(surroundings, (call: Parameters<typeof batchAppend>[1], stop) =>
        batchAppend(parts, call, stop),
      ),
    });
    this.server.addService(ServerFeaturesService, {
      getSupportedMethods: answering(surroundings, async () => supportedMethods()),
    });
    this.server.addService(GossipService, {
      read: answering(surroundings, async (call) => clusterInfo(call.getHost(), this.bound)),
    });
  }
}
