// How many events to hand over at a time, while the one is looked for that has made a batch fail.
import type { TenantId } from '@concord/tenancy';

export class FailureSearch {
  /** So many, from the next one on, have failed together. */
  private suspects = 0;

  /** `halves`: what is under suspicion is halved each time; else it goes one by one. */
  constructor(private readonly halves: boolean) {}

  /** How many of at most so many. */
  next(most: number): number {
    if (this.suspects === 0) return most;
    return this.halves ? Math.min(most, Math.ceil(this.suspects / 2)) : 1;
  }

  get isOver(): boolean {
    return this.suspects === 0;
  }

  failed(events: number): void {
    this.suspects = events;
  }

  /** So many are done with. */
  passed(events: number): void {
    this.suspects = Math.max(0, this.suspects - events);
  }
}

interface Search {
  readonly failure: FailureSearch;
  error: unknown;
  tries: number;
  /** Then what becomes of it is told elsewhere. */
  isFound: boolean;
}

/** The searches of a slice, one a tenant: what others have passed says nothing about it. */
export class FailureSearches {
  private readonly searches = new Map<TenantId, Search>();

  constructor(private readonly halves: boolean) {}

  next(tenant: TenantId, most: number): number {
    return this.searches.get(tenant)?.failure.next(most) ?? most;
  }

  /** Several have failed together. True: a search begins with that. */
  failed(tenant: TenantId, events: number, error: unknown): boolean {
    const before = this.searches.get(tenant);
    const search = before ?? { failure: new FailureSearch(this.halves), error, tries: 0, isFound: false };
    search.failure.failed(events);
    Object.assign(search, { error, tries: search.tries + 1, isFound: false });
    this.searches.set(tenant, search);
    return !before;
  }

  /** One has failed alone. */
  found(tenant: TenantId): void {
    const search = this.searches.get(tenant);
    if (search) search.isFound = true;
  }

  passed(tenant: TenantId, events: number): void {
    const search = this.searches.get(tenant);
    search?.failure.passed(events);
    if (search?.failure.isOver) this.searches.delete(tenant);
  }

  /** Nothing is left to be searched. */
  forget(tenant: TenantId): void {
    this.searches.delete(tenant);
  }

  /** Those in which the event was not found so far. */
  get underWay(): readonly { readonly tenantId: TenantId; readonly error: unknown; readonly attempts: number }[] {
    return [...this.searches].flatMap(([tenantId, { error, tries, isFound }]) =>
      isFound ? [] : [{ tenantId, error, attempts: tries }],
    );
  }
}
