// Structured logs: one JSON object a line.
import type { Params } from 'nestjs-pino';

export function loggingOptions(level: string): Params {
  return {
    pinoHttp: { level, autoLogging: false, hooks: { logMethod: withoutWiring } },
    forRoutes: [],
  };
}

type LogMethod = NonNullable<Extract<NonNullable<Params['pinoHttp']>, { hooks?: unknown }>['hooks']>['logMethod'];

// How Nest wires itself up is of use to nobody who runs the server.
const WIRING = new Set(['NestFactory', 'InstanceLoader']);

const withoutWiring: NonNullable<LogMethod> = function withoutWiring(line, log) {
  const { context: from } = Object(line[0]) as { context?: string };
  if (!WIRING.has(from ?? '')) log.apply(this, line);
};
