// Who has which book: the row, and the projector that keeps it.
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { ActiveRecord, On, Projection } from '@concord/projections';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BookAcquired, BookLent, BookReturned } from './book.js';

@Entity({ schema: 'library', name: 'loans' })
export class LoanRow extends ActiveRecord {
  @PrimaryColumn({ name: 'book_id', type: 'text' })
  bookId!: string;

  @Column({ type: 'text' })
  title!: string;

  @Column({ type: 'text', nullable: true })
  reader!: string | null;

  get isLent(): boolean {
    return this.reader !== null;
  }
}

@Projection({ name: 'library.loans', version: 1, categories: ['book'], consistency: 'async', rows: [LoanRow] })
export class LoansProjector {
  @On<BookAcquired>('BookAcquired')
  async acquired(event: RecordedEvent<BookAcquired>): Promise<void> {
    await LoanRow.of({ bookId: bookOf(event), title: event.data.title, reader: null }).insert();
  }

  @On<BookLent>('BookLent')
  async lent(event: RecordedEvent<BookLent>): Promise<void> {
    await handOver(event, event.data.reader);
  }

  @On<BookReturned>('BookReturned')
  async returned(event: RecordedEvent<BookReturned>): Promise<void> {
    await handOver(event, null);
  }
}

async function handOver(event: RecordedEvent, reader: string | null): Promise<void> {
  const loan = await LoanRow.find({ bookId: bookOf(event) });
  if (!loan) throw new Error(`${event.stream} has no row`);
  loan.reader = reader;
  await loan.update();
}

function bookOf(event: RecordedEvent): string {
  return parseStreamName(event.stream).id;
}
