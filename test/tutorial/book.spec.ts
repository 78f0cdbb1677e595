import { given } from '@concord/domain';
import { Book, type BookEvent } from './book.js';

const acquired: BookEvent = { type: 'BookAcquired', data: { title: 'Emma' } };
const lent: BookEvent = { type: 'BookLent', data: { reader: 'Ada', lentOn: '2026-05-01' } };

describe('a book', () => {
  it('is lent', () => {
    given(Book, 'b-1', acquired)
      .when((book) => book.lend('Ada', '2026-05-01'))
      .then(lent);
  });

  it('lent-to-one-reader', () => {
    given(Book, 'b-1', acquired, lent)
      .when((book) => book.lend('Bob', '2026-05-02'))
      .thenBroken('lent-to-one-reader', 'the book is with Ada');
  });

  it('book-in-the-library', () => {
    given(Book, 'b-1')
      .when((book) => book.lend('Ada', '2026-05-01'))
      .thenBroken('book-in-the-library');
  });

  it('comes back, once', () => {
    given(Book, 'b-1', acquired, lent)
      .when((book) => book.giveBack('2026-05-09'))
      .then({ type: 'BookReturned', data: { returnedOn: '2026-05-09' } });
    given(Book, 'b-1', acquired)
      .when((book) => book.giveBack('2026-05-09'))
      .thenNothing();
  });
});
