// GraphQL at /graphql, and its page at /graphiql.
import type { DynamicModule } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { type FastifyRequest } from './fastify.js';
import { formatErrors } from './graphql-errors.js';
import { answerPosition } from './graphql-position.js';
import { HttpSettings } from './settings.js';
import { Subscribers } from './subscribers.js';

// The deepest query of this schema is that for the schema itself: the introspection of GraphiQL has 15 levels.
const MAX_DEPTH = 16;
// Bounds how many fields, by whatever aliases, one request may ask for. Introspection takes some 400.
const MAX_TOKENS = 1_000;

export function graphQL(): DynamicModule {
  return GraphQLModule.forRootAsync<MercuriusDriverConfig>({
    driver: MercuriusDriver,
    inject: [HttpSettings, Subscribers],
    useFactory: (...injected: unknown[]) => {
      const [{ graphiql }, subscribers] = injected as [HttpSettings, Subscribers];
      return {
        autoSchemaFile: true,
        sortSchema: true,
        graphiql,
        context: (request: FastifyRequest) => ({ request }),
        fieldResolverEnhancers: ['interceptors', 'filters'],
        subscription: {
          context: (socket: Parameters<Subscribers['add']>[0]) => {
            subscribers.add(socket);
            return {};
          },
        },
        queryDepth: MAX_DEPTH,
        graphql: { parseOptions: { maxLexicalTokens: MAX_TOKENS } },
        errorFormatter: formatErrors,
        hooks: { onResolution: async (execution: object, context: object) => answerPosition(execution, context) },
      };
    },
  });
}
