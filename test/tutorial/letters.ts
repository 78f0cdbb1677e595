// A letter for every loan, written by whichever process has the book's slice.
import { Injectable } from '@nestjs/common';
import { Database } from '@concord/database';
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { ConsumerGroup, type GroupContext, On } from '@concord/subscriptions';
import { currentTenant } from '@concord/tenancy';
import type { BookLent, BookReturned } from './book.js';

@Injectable()
export class Letterbox {
  constructor(private readonly database: Database) {}

  async post(bookId: string, text: string): Promise<void> {
    if (text.includes('Mr Nobody')) throw new Error('Mr Nobody has no address');
    const insert = { text: 'insert into library.letters (tenant_id, book_id, text) values ($1, $2, $3)' };
    await this.database.query(insert, [currentTenant(), bookId, text]);
  }
}

@ConsumerGroup({
  name: 'library.letters',
  categories: ['book'],
  delivery: 'exactly-once-in-database',
  maxAttempts: 3,
  retry: { firstMs: 20, mostMs: 1000 },
  whenParked: 'block',
  leaseMs: 2000,
})
export class LetterWriter {
  constructor(private readonly letterbox: Letterbox) {}

  @On<BookLent>('BookLent')
  async lent(event: RecordedEvent<BookLent>, context: GroupContext): Promise<void> {
    const { id } = parseStreamName(event.stream);
    await this.letterbox.post(id, `Dear ${event.data.reader}, enjoy your book. (attempt ${context.attempt})`);
  }

  @On<BookReturned>('BookReturned')
  async returned(event: RecordedEvent<BookReturned>): Promise<void> {
    await this.letterbox.post(parseStreamName(event.stream).id, 'Thank you.');
  }
}
