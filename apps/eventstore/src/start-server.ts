// Starts the server, for main.ts and for whoever tests against it.
import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { buildOrClose, type DatabaseOptions } from '@concord/database';
import { Logger } from 'nestjs-pino';
import { Users } from './access/users.js';
import { EventStoreServerModule } from './eventstore.module.js';
import { GrpcServer } from './grpc/grpc-server.js';
import { EventStoreSettings } from './settings.js';

/** Which database it serves, as openDatabase takes it, and settings in the words of the environment. */
export interface ServerOptions extends Omit<DatabaseOptions, 'rows'> {
  readonly environment?: NodeJS.ProcessEnv;
}

/** A server that listens. */
export interface RunningServer {
  readonly port: number;
  readonly connectionString: string;
  readonly app: INestApplicationContext;
  close(): Promise<void>;
}

/** Errors: InvalidArgument for a setting; what opening the database throws; the port is in use. Nothing is left open. */
export async function startEventStoreServer(options: ServerOptions = {}): Promise<RunningServer> {
  const { environment = process.env, ...database } = options;
  const settings = new EventStoreSettings(environment);
  const users = await Users.fromText(settings.users);
  const app = await buildOrClose(() =>
    NestFactory.createApplicationContext(EventStoreServerModule.forRoot(database, settings, users), {
      bufferLogs: true,
      abortOnError: false,
    }),
  );
  app.useLogger(app.get(Logger));
  const server = app.get(GrpcServer);
  try {
    await server.listen();
  } catch (error) {
    await app.close();
    throw error;
  }
  return {
    port: server.port,
    connectionString: `esdb://${settings.host}:${server.port}?tls=${settings.tls ? 'true' : 'false'}`,
    app,
    close: () => app.close(),
  };
}
