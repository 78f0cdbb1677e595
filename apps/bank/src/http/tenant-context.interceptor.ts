// Sets whose data it is, which conversation it belongs to, and where rows are found, around everything a request does.
// One for REST, GraphQL (root and field resolvers) and subscriptions.
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { runInMessage } from '@concord/kernel';
import { ReadModels } from '@concord/projections';
import { parseTenantId, runInTenant } from '@concord/tenancy';
import { Observable } from 'rxjs';
import { entryOf } from './entry.js';

/** For controllers that serve the operator, not a tenant. */
export const WithoutTenant = Reflector.createDecorator<boolean>();

@Injectable()
export class TenantContextInterceptor implements NestInterceptor {
  constructor(
    private readonly readModels: ReadModels,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (this.reflector.getAllAndOverride(WithoutTenant, [context.getHandler(), context.getClass()])) {
      return next.handle();
    }
    const entry = entryOf(context);
    const tenant = parseTenantId(entry.header('x-tenant-id'));
    const message = { correlationId: entry.request.id };
    // Subscribing is what runs the handler: it has to happen inside.
    return new Observable((subscriber) =>
      runInTenant(tenant, () =>
        runInMessage(message, () => this.readModels.read(() => next.handle().subscribe(subscriber))),
      ),
    );
  }
}
