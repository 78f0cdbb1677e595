// What can be asked of the library.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Book } from './book.js';

export class AcquireBook extends DomainCommand<{ readonly bookId: string; readonly title: string }> {}
export class LendBook extends DomainCommand<{
  readonly bookId: string;
  readonly reader: string;
  readonly lentOn: string;
}> {}

@CommandHandler(AcquireBook)
export class AcquireBookHandler implements Handles<AcquireBook> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: AcquireBook): Promise<void> {
    const book = await this.aggregates.load(Book, order.bookId);
    book.acquire(order.title);
  }
}

@CommandHandler(LendBook)
export class LendBookHandler implements Handles<LendBook> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: LendBook): Promise<void> {
    const book = await this.aggregates.load(Book, order.bookId);
    book.lend(order.reader, order.lentOn);
  }
}
