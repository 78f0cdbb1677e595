// Answers every error of every handler, guard, pipe and unknown route.
import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { answerError, reported } from './answer-error.js';
import { type FastifyReply, type FastifyRequest } from './fastify.js';
import { toGraphQLError } from './graphql-errors.js';

@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): unknown {
    // GraphQL throws what its resolver answers, when that is an error.
    if (host.getType<string>() === 'graphql') return toGraphQLError(reported(error));
    const http = host.switchToHttp();
    return answerError(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}
