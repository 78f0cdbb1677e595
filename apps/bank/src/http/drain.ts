// The first thing that a shutdown does: no new connections, requests under way are finished, subscribers are told to
// leave. Within a bound: who has not finished by then is cut off.
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type FastifyInstance } from './fastify.js';
import { HttpSettings } from './settings.js';
import { Subscribers } from './subscribers.js';

const IDLE_CHECK_MS = 50;

// In the root module, which is destroyed before all others: the projections and the database are still there.
@Injectable()
export class Drain implements OnModuleDestroy {
  private draining = false;
  // An upgraded connection is no longer one of the server's, and yet keeps it from closing.
  private readonly upgraded = new Set<Duplex>();

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly settings: HttpSettings,
    private readonly subscribers: Subscribers,
  ) {}

  /** Has to be called before the server listens. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onSend', (_request, reply, payload, done) => {
      // Clients that come over a kept-alive connection take a new one next time.
      if (this.draining) reply.header('connection', 'close');
      done(null, payload);
    });
    fastify.server.on('upgrade', (_request, connection: Duplex) => {
      this.upgraded.add(connection);
      connection.once('close', () => this.upgraded.delete(connection));
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.draining = true;
    const server = this.host.httpAdapter.getHttpServer() as Server;
    if (!server.listening) return;
    this.subscribers.dismiss();
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    const late = setTimeout(() => this.cutOff(server), this.settings.shutdown);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    clearInterval(idle);
    clearTimeout(late);
  }

  private cutOff(server: Server): void {
    server.closeAllConnections();
    for (const connection of this.upgraded) connection.destroy();
  }
}
