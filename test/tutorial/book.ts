// A book of a library: it is lent to one reader at a time.
import { AggregateRoot, ensure, invariant } from '@concord/domain';
import type { DomainEvent } from '@concord/kernel';

export type BookAcquired = DomainEvent<'BookAcquired', { readonly title: string }>;
export type BookLent = DomainEvent<'BookLent', { readonly reader: string; readonly lentOn: string }>;
export type BookReturned = DomainEvent<'BookReturned', { readonly returnedOn: string }>;
export type BookEvent = BookAcquired | BookLent | BookReturned;

interface BookState {
  readonly title: string | undefined;
  readonly reader: string | undefined;
}

const lentOnce = invariant<BookState>({
  name: 'lent-to-one-reader',
  kind: 'state',
  holds: (book) => book.reader === undefined,
  reason: (book) => `the book is with ${book.reader}`,
});

const inTheLibrary = invariant<BookState>({
  name: 'book-in-the-library',
  kind: 'state',
  holds: (book) => book.title !== undefined,
  reason: () => 'the library has no such book',
});

export class Book extends AggregateRoot<BookEvent, BookState> {
  static readonly category = 'book';

  acquire(title: string): void {
    if (this.exists) return;
    this.record({ type: 'BookAcquired', data: { title } });
  }

  lend(reader: string, lentOn: string): void {
    ensure(inTheLibrary, this.state);
    ensure(lentOnce, this.state);
    this.record({ type: 'BookLent', data: { reader, lentOn } });
  }

  giveBack(returnedOn: string): void {
    if (this.state.reader === undefined) return;
    this.record({ type: 'BookReturned', data: { returnedOn } });
  }

  protected override initialState(): BookState {
    return { title: undefined, reader: undefined };
  }

  protected override evolve(state: BookState, event: BookEvent): BookState {
    switch (event.type) {
      case 'BookAcquired':
        return { ...state, title: event.data.title };
      case 'BookLent':
        return { ...state, reader: event.data.reader };
      case 'BookReturned':
        return { ...state, reader: undefined };
    }
  }
}
