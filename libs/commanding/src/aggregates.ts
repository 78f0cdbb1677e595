// How a handler gets its aggregates. Everything it loads is locked until its command has committed or failed.
import { Injectable } from '@nestjs/common';
import type { AggregateType, AnyAggregate } from '@concord/domain';
import { UnitOfWork } from './unit-of-work.js';

/** Loads aggregates within a command: inject it into handlers. */
@Injectable()
export class Aggregates {
  /** Locks and loads one aggregate; one without events is new (`exists` is false). Errors: outside a command it throws. */
  async load<A extends AnyAggregate>(type: AggregateType<A>, id: string): Promise<A> {
    const [aggregate] = await this.loadAll(type, [id]);
    return aggregate as A;
  }

  /** Locks and loads several in one step and in an order that cannot deadlock: prefer it to several load() calls. */
  async loadAll<A extends AnyAggregate>(type: AggregateType<A>, ids: readonly string[]): Promise<A[]> {
    const unitOfWork = UnitOfWork.current;
    if (!unitOfWork)
      throw new Error('aggregates are loaded in a command handler: send a command through the CommandBus');
    return unitOfWork.load(type, ids);
  }
}
