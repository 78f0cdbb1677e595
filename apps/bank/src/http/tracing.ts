// A span for each request, for who traces the bank without an instrumentation of HTTP. Where there is one, its span is there
// before this one would be, and is enough. Paths are left out, because they have ids in them: the route says what was asked.
import { beginSpan, contextFrom, isTracing, isWithinSpan, type OpenSpan } from '@concord/telemetry';
import type { FastifyInstance, FastifyRequest } from './fastify.js';

const SERVER_ERROR = 500;

/** Has to be called before there are routes. */
export function traceRequests(fastify: FastifyInstance): void {
  const open = new WeakMap<FastifyRequest, OpenSpan>();
  fastify.addHook('onRequest', (request, _reply, done) => {
    const span = isTracing() && !isWithinSpan() ? begin(request) : undefined;
    if (span) open.set(request, span);
    done();
  });
  // Not earlier: a body is read outside of any context.
  fastify.addHook('preValidation', (request, _reply, done) => {
    const span = open.get(request);
    if (span) span.run(done);
    else done();
  });
  fastify.addHook('onResponse', (request, { statusCode }, done) => {
    const failed = statusCode >= SERVER_ERROR ? String(statusCode) : undefined;
    open.get(request)?.end({ 'http.response.status_code': statusCode }, failed);
    done();
  });
}

function begin({ method, protocol, headers, routeOptions: { url: route } }: FastifyRequest): OpenSpan | undefined {
  return beginSpan(() => ({
    span: 'request',
    operation: method,
    ...(route !== undefined && { target: route }),
    parent: contextFrom(headers),
    attributes: {
      'http.request.method': method,
      'url.scheme': protocol,
      ...(route !== undefined && { 'http.route': route }),
    },
  }));
}
