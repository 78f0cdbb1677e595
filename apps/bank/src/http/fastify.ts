// Fastify's types, by way of Nest's adapter: fastify itself is a dependency of the adapter, not of the bank.
import type { HttpServer } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

type Parts<Adapter> =
  Adapter extends HttpServer<infer Request, infer Reply, infer Instance> ? [Request, Reply, Instance] : never;
type OfNest = Parts<ReturnType<NestFastifyApplication['getHttpAdapter']>>;

export type FastifyRequest = OfNest[0];
export type FastifyReply = OfNest[1];
export type FastifyInstance = OfNest[2];
