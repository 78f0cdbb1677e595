// Who calls, read from what came in: REST, GraphQL over HTTP, and GraphQL over a web socket.
import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import { newId } from '@concord/kernel';
import type { FastifyRequest } from './fastify.js';

/** What every request says about itself. */
export interface Entry {
  readonly request: FastifyRequest;
  header(name: string): string | undefined;
}

interface GraphQLContext {
  readonly request: FastifyRequest;
  /** Where mercurius keeps the payload of a web socket's connection_init. */
  readonly _connectionInit?: unknown;
}

const VISIBLE_ASCII = /^[\x21-\x7e]{1,128}$/;

export function entryOf(context: ExecutionContext): Entry {
  if (context.getType<string>() !== 'graphql') return entry(context.switchToHttp().getRequest<FastifyRequest>());
  const { request, _connectionInit } = GqlExecutionContext.create(context).getContext<GraphQLContext>();
  return entry(request, _connectionInit);
}

/** The caller's correlation id when it is a sane one, else a new one. */
export function correlationIdOf(message: Pick<IncomingMessage, 'headers'>): string {
  const given = message.headers['x-correlation-id'];
  return typeof given === 'string' && VISIBLE_ASCII.test(given) ? given : newId();
}

/** Headers of the request come first; browsers, which cannot set any on a web socket, send a payload instead. */
function entry(request: FastifyRequest, payload?: unknown): Entry {
  const pairs: [string, unknown][] = typeof payload === 'object' && payload !== null ? Object.entries(payload) : [];
  return {
    request,
    header(name) {
      const value = request.headers[name] ?? pairs.find(([key]) => key.toLowerCase() === name)?.[1];
      return typeof value === 'string' ? value : undefined;
    },
  };
}
