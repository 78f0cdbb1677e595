// Builds the app that main.ts runs and the acceptance tests call.
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { buildOrClose } from '@concord/database';
import { Logger } from 'nestjs-pino';
import { BankHttpModule } from '../bank-http.module.js';
import type { BankOptions } from '../bank.module.js';
import { BankAdapter } from './adapter.js';
import { Drain } from './drain.js';
import { logAnswers } from './logging.js';
import { serveOpenApi } from './openapi.js';
import { HttpSettings } from './settings.js';

/** Ready to listen. Errors: what opening the database throws; nothing is left open. */
export async function createApp(
  options: BankOptions = {},
  settings = new HttpSettings(),
): Promise<NestFastifyApplication> {
  const app = await buildOrClose(() =>
    NestFactory.create<NestFastifyApplication>(BankHttpModule.forRoot(options, settings), new BankAdapter(settings), {
      bufferLogs: true,
      abortOnError: false,
      bodyParser: false,
    }),
  );
  try {
    await prepare(app);
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function prepare(app: NestFastifyApplication): Promise<void> {
  app.useLogger(app.get(Logger));
  const fastify = app.getHttpAdapter().getInstance();
  app.get(Drain).watch(fastify);
  logAnswers(fastify);
  serveOpenApi(app);
  await app.init();
}
