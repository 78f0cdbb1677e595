// Headers that mean something to handlers, for REST and GraphQL alike, and the checks of their form.
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import { derivedId, type GlobalPosition } from '@concord/kernel';
import type { GraphQLResolveInfo } from 'graphql';
import { type Entry, entryOf } from './entry.js';
import { InvalidInput } from './errors.js';
import { askedPosition } from './graphql-position.js';
import { isPosition } from './checks.js';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** What makes a command the same command, and what shows that it is not. */
export interface CommandKey {
  readonly id: string;
  readonly fingerprint: string;
}

/**
 * The key of the command, from the header Idempotency-Key: the same for the same key at the same place (method and path,
 * or mutation), so that a repeat is recognised. Undefined without the header.
 */
export const CommandId = createParamDecorator((_: unknown, context: ExecutionContext): CommandKey | undefined => {
  const entry = entryOf(context);
  const key = entry.header('idempotency-key');
  if (key === undefined) return undefined;
  if (!KEY.test(key)) throw invalid('Idempotency-Key', 'has 1 to 255 visible ASCII characters');
  return {
    id: derivedId(...placeOf(context, entry), key),
    fingerprint: derivedId(JSON.stringify(inputOf(context, entry))),
  };
});

/** The position that the reader wants to see, from the header X-Concord-Position, or over GraphQL from the extensions. */
export const SeenPosition = createParamDecorator(
  (_: unknown, context: ExecutionContext): GlobalPosition | undefined => {
    const entry = entryOf(context);
    const text = entry.header('x-concord-position');
    if (text === undefined) return extensionPosition(context, entry);
    if (!isPosition(text)) throw invalid('X-Concord-Position', 'is the position that a write answered');
    return BigInt(text);
  },
);

function extensionPosition(context: ExecutionContext, { request }: Entry): GlobalPosition | undefined {
  const asked = context.getType<string>() === 'graphql' ? askedPosition(request) : undefined;
  if (asked === undefined || asked === null) return undefined;
  if (isPosition(asked)) return BigInt(asked);
  throw invalid('extensions.concord.position', 'is the position that a write answered: digits, as text');
}

/** Two mutations of one request are two places, even if they are the same mutation. */
function placeOf(context: ExecutionContext, { request }: Entry): string[] {
  if (context.getType<string>() !== 'graphql') {
    return ['rest', request.method, request.routeOptions.url ?? '', JSON.stringify(request.params)];
  }
  const { fieldName, path } = GqlExecutionContext.create(context).getInfo<GraphQLResolveInfo>();
  return ['graphql', fieldName, path.key.toString()];
}

/** What the caller sent beside the key. */
function inputOf(context: ExecutionContext, { request }: Entry): unknown {
  if (context.getType<string>() !== 'graphql') return request.body ?? null;
  return GqlExecutionContext.create(context).getArgs<unknown>();
}

function invalid(field: string, message: string): InvalidInput {
  return new InvalidInput([{ field, message }]);
}
