// Logs an error if it is ours, and answers it.
import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from './fastify.js';
import { type Problem, problemOf } from './problem.js';

const RETRY_AFTER_SECONDS = 1;
/** Worth another try as they are. */
const AGAIN: readonly number[] = [503, 504];
const logger = new Logger('Problem');

/** What the caller shall see. Errors that are not the caller's are logged, once and here. */
export function reported(error: unknown): Problem {
  const problem = problemOf(error);
  if (problem.status >= 500) logger.error({ err: error, problem: problem.type }, problem.title);
  return problem;
}

/** Answers with problem details, and the ids that lead from them to the log. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = reported(error);
  if (reply.sent) return reply;
  if (AGAIN.includes(problem.status)) reply.header('retry-after', RETRY_AFTER_SECONDS);
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .header('x-correlation-id', request.id)
    .send(JSON.stringify({ ...problem, instance: request.url.split('?', 1)[0], correlationId: request.id }));
}
