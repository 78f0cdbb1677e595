// Fastify as the bank wants it: JSON only, and problem details for what is refused before Nest sees it.
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { answerError } from './answer-error.js';
import { refuseBrokenRequest } from './broken-request.js';
import { correlationIdOf } from './entry.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from './fastify.js';
import type { HttpSettings } from './settings.js';
import { traceRequests } from './tracing.js';

export class BankAdapter extends FastifyAdapter {
  constructor(settings: HttpSettings) {
    super({
      bodyLimit: settings.bodyLimit,
      // The correlation id is the request's id: hooks, logs and errors all have it.
      requestIdHeader: false,
      genReqId: correlationIdOf,
      // A path that cannot be decoded, and bytes that are no HTTP.
      frameworkErrors(error: unknown, request: FastifyRequest, reply: FastifyReply) {
        answerError(error, request, reply);
      },
      clientErrorHandler: refuseBrokenRequest,
    });
    this.instance.removeContentTypeParser('text/plain');
    this.instance.setErrorHandler(answerError);
    traceRequests(this.instance);
    this.instance.addHook('onRequest', (request, reply, done) => {
      reply.header('x-correlation-id', request.id);
      done();
    });
  }

  // Nest's comes too late for its own routes: they are complete once mercurius has been loaded, which is before.
  override setErrorHandler(): FastifyInstance {
    return this.instance;
  }
}
