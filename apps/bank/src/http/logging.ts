// Structured logs: one JSON object a line, each with the tenant and the conversation that it belongs to.
import { currentMessage } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import type { Params } from 'nestjs-pino';
import { Logger } from '@nestjs/common';
import type { LogFn, Logger as PinoLogger } from 'pino';
import { type FastifyInstance } from './fastify.js';

export function loggingOptions(level: string): Params {
  return {
    pinoHttp: { level, mixin: context, autoLogging: false, hooks: { logMethod: withoutWiring } },
    // Requests are logged by the hook below, which spares each of them a middleware.
    forRoutes: [],
  };
}

/** One line for each answer; those to health checks are for debugging only. */
export function logAnswers(fastify: FastifyInstance): void {
  const logger = new Logger('Http');
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, id: correlationId } = request;
    const path = request.url.split('?', 1)[0] ?? '';
    const line = {
      method,
      path,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      correlationId,
      tenantId: request.headers['x-tenant-id'],
    };
    if (path.startsWith('/health/')) logger.debug(line, 'answered');
    else logger.log(line, 'answered');
    done();
  });
}

// How Nest wires itself up takes some fifty lines at each start, and is of use to nobody who runs the bank. Why it
// cannot listen is said by main.ts.
const WIRING = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'GraphQLModule',
  'NestApplication',
]);

function withoutWiring(this: PinoLogger, line: Parameters<LogFn>, log: LogFn): void {
  const { context: from } = Object(line[0]) as { context?: string };
  if (!WIRING.has(from ?? '')) log.apply(this, line);
}

function context(): object {
  return { tenantId: tenant(), correlationId: currentMessage()?.correlationId };
}

function tenant(): string | undefined {
  try {
    return currentTenant();
  } catch {
    return undefined;
  }
}
