// Builds the partner bank that main.ts runs and the acceptance tests call.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { buildOrClose } from '@concord/database';
import { PartnerModule } from './partner.module.js';
import type { PartnerSettings } from './settings.js';

/** Ready to listen. Errors: what opening the database throws; nothing is left open. */
export async function createPartner(settings: PartnerSettings): Promise<NestFastifyApplication> {
  return buildOrClose(() =>
    NestFactory.create<NestFastifyApplication>(PartnerModule.forRoot(settings), new FastifyAdapter(), {
      logger: ['warn', 'error', 'fatal'],
      abortOnError: false,
    }),
  );
}
