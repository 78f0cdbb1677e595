// The position of the writes of a GraphQL request: asked for in `extensions.concord.position`, and answered there.
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import type { GraphQLResolveInfo } from 'graphql';
import { type Observable, tap } from 'rxjs';
import type { FastifyReply, FastifyRequest } from './fastify.js';

/** What one request's mutations have come to. */
interface WritingContext {
  readonly reply?: FastifyReply;
  written?: bigint;
}

/** Remembers the highest position of a request's mutations, whether or not the caller has selected it. */
@Injectable()
export class GraphQLPosition implements NestInterceptor<{ position?: string } | undefined> {
  intercept(context: ExecutionContext, next: CallHandler<{ position?: string } | undefined>): Observable<unknown> {
    if (context.getType<string>() !== 'graphql') return next.handle();
    const called = GqlExecutionContext.create(context);
    if (called.getInfo<GraphQLResolveInfo>().parentType.name !== 'Mutation') return next.handle();
    const writing = called.getContext<WritingContext>();
    return next.handle().pipe(
      tap((changed) => {
        if (changed?.position === undefined) return;
        const position = BigInt(changed.position);
        if (writing.written === undefined || writing.written < position) writing.written = position;
      }),
    );
  }
}

/** mercurius' hook onResolution: the answer carries the position in its extensions and, as REST's, in its header. */
export function answerPosition(execution: object, context: object): void {
  const { written, reply } = context as WritingContext;
  if (written === undefined) return;
  const position = written.toString();
  Object.assign(execution, { extensions: { concord: { position } } });
  reply?.header('x-concord-position', position);
}

/** The `position` of `extensions.concord`, whatever it is; undefined when there is none. */
export function askedPosition({ body, query }: Pick<FastifyRequest, 'body' | 'query'>): unknown {
  const extensions = member(body, 'extensions') ?? parsed(member(query, 'extensions'));
  return member(member(extensions, 'concord'), 'position');
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** Of a GET, where mercurius has refused already what is no JSON. */
function parsed(text: unknown): unknown {
  return typeof text === 'string' ? JSON.parse(text) : undefined;
}
