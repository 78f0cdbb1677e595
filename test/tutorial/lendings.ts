// How often each book was lent, and how many books each reader has had: kept by as many processes as there are.
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { ActiveRecord, On, Projection } from '@concord/projections';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BookLent } from './book.js';

@Entity({ schema: 'library', name: 'book_lendings' })
export class BookLendingsRow extends ActiveRecord {
  @PrimaryColumn({ name: 'book_id', type: 'text' })
  bookId!: string;

  @Column({ type: 'integer' })
  lendings!: number;
}

@Entity({ schema: 'library', name: 'reader_lendings' })
export class ReaderLendingsRow extends ActiveRecord {
  @PrimaryColumn({ type: 'text' })
  reader!: string;

  @Column({ type: 'integer' })
  lendings!: number;
}

@Projection({
  name: 'library.lendings',
  version: 1,
  categories: ['book'],
  consistency: 'async',
  partitioning: { slices: 16, maxAttempts: 3, retry: { firstMs: 20, mostMs: 1000 }, leaseMs: 2000 },
  onFailure: 'park',
  rows: [BookLendingsRow, ReaderLendingsRow],
})
export class LendingsProjector {
  @On<BookLent>('BookLent', { rows: (event) => [bookOf(event), readerOf(event)] })
  async lent(event: RecordedEvent<BookLent>): Promise<void> {
    const { reader } = event.data;
    if (reader === '') throw new Error('lent to nobody');
    const { id: bookId } = parseStreamName(event.stream);
    // Events of one book are in one slice: nobody else has this row in hand.
    const book = await BookLendingsRow.find({ bookId });
    if (book) await Object.assign(book, { lendings: book.lendings + 1 }).update();
    else await BookLendingsRow.of({ bookId, lendings: 1 }).insert();
    // A reader has books of every slice. The row is locked from here until the batch is committed.
    const row = await ReaderLendingsRow.find({ reader });
    if (row) await Object.assign(row, { lendings: row.lendings + 1 }).update();
    else await ReaderLendingsRow.of({ reader, lendings: 1 }).insert();
  }
}

function bookOf({ stream }: RecordedEvent<BookLent>) {
  return BookLendingsRow.at({ bookId: parseStreamName(stream).id });
}

function readerOf({ data: { reader } }: RecordedEvent<BookLent>) {
  return ReaderLendingsRow.at({ reader });
}
