// Which rows are refused, and for what reason; the rest is unharmed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HEADERS, importFolderOf, removeImportFolders } from '../../../../../test/fixtures/import/import-folder.js';
import { UsageError } from '../terminal/command-line.js';
import { CsvFile } from './csv-file.js';
import { accountForm, districtForm, type Form, transactionForm } from './forms.js';
import { readRows } from './rows.js';

afterAll(removeImportFolders);

async function read<Row extends { id: string }, Column extends string>(
  form: Form<Row, Column>,
  folder: string,
): Promise<unknown[]> {
  const reads = await Array.fromAsync(readRows(await CsvFile.open(folder, form), form));
  return reads.map((each) => (each.refused === undefined ? each.row.id : `${each.line}: ${each.refused}`));
}

const transactions = (...rows: string[]): Promise<unknown[]> =>
  read(transactionForm, importFolderOf({ transactions: rows }));
const good = '7,9,1993-01-31,credit,cash_deposit,700.00,700.00,,,';

describe('a transaction', () => {
  it('is read whole', async () => {
    const folder = importFolderOf({
      transactions: ['1122191,3834,1993-12-07,debit,transfer_out,3189.00,25340.00,insurance,MN,51878350', good],
    });
    const reads = await Array.fromAsync(readRows(await CsvFile.open(folder, transactionForm), transactionForm));
    expect(reads.map((each) => each.refused === undefined && each.row)).toEqual([
      {
        id: '1122191',
        accountId: '3834',
        occurredOn: '1993-12-07',
        direction: 'debit',
        amount: 318900n,
        reference: '1122191 transfer_out insurance MN/51878350',
      },
      expect.objectContaining({ id: '7', amount: 70000n, reference: '7 cash_deposit' }),
    ]);
  });

  it.each([
    ['0.01', 1n],
    ['999999999999999.99', 99_999_999_999_999_999n],
  ])('may have the amount %s', async (amount, hundredths) => {
    expect(transactionForm.parse(fieldsOf(good.replace('700.00', amount))).amount).toBe(hundredths);
  });

  it.each([
    ['no amount', '8,9,1993-01-31,credit,x,,,,,', 'is no amount'],
    ['an amount without places', '8,9,1993-01-31,credit,x,700,,,,', '"700" is no amount'],
    ['an amount with one place', '8,9,1993-01-31,credit,x,700.5,,,,', '"700.5" is no amount'],
    ['an amount with three places', '8,9,1993-01-31,credit,x,700.005,,,,', 'is no amount'],
    ['an amount in words', '8,9,1993-01-31,credit,x,NaN,,,,', '"NaN" is no amount'],
    ['an amount with an exponent', '8,9,1993-01-31,credit,x,1e3,,,,', '"1e3" is no amount'],
    ['an amount with a leading zero', '8,9,1993-01-31,credit,x,07.00,,,,', '"07.00" is no amount'],
    ['an amount with spaces', '8,9,1993-01-31,credit,x, 7.00,,,,', '" 7.00" is no amount'],
    ['an amount of 16 digits', '8,9,1993-01-31,credit,x,1000000000000000.00,,,,', 'is no amount'],
    ['zero', '8,9,1993-01-31,credit,x,0.00,,,,', 'amount 0.00 is not above zero'],
    ['a negative amount', '8,9,1993-01-31,credit,x,-5.00,,,,', 'amount -5.00 is not above zero'],
    ['an unknown direction', '8,9,1993-01-31,sideways,x,7.00,,,,', 'direction "sideways" is not known'],
    ['no direction', '8,9,1993-01-31,,x,7.00,,,,', 'direction "" is not known'],
    ['a day that is not', '8,9,1993-02-29,credit,x,7.00,,,,', 'date "1993-02-29" is no day'],
    ['a month that is not', '8,9,1993-13-01,credit,x,7.00,,,,', 'date "1993-13-01" is no day'],
    ['the year 0', '8,9,0000-01-01,credit,x,7.00,,,,', 'date "0000-01-01" is no day'],
    ['another form of day', '8,9,31.1.1993,credit,x,7.00,,,,', 'date "31.1.1993" is no day'],
    ['no day', '8,9,,credit,x,7.00,,,,', 'date "" is no day'],
    ['no id', ',9,1993-01-31,credit,x,7.00,,,,', 'transaction_id is empty'],
    ['an id with a space', '8 8,9,1993-01-31,credit,x,7.00,,,,', 'transaction_id "8 8" is no id'],
    ['an id that is too long', `${'8'.repeat(101)},9,1993-01-31,credit,x,7.00,,,,`, 'is no id'],
    ['no account', '8,,1993-01-31,credit,x,7.00,,,,', 'account_id is empty'],
    ['too few columns', '8,9,1993-01-31,credit,x,7.00', 'too few columns: 6 instead of 10'],
    ['too many columns', '8,9,1993-01-31,credit,x,7.00,,,,,', 'too many columns: 11 instead of 10'],
    ['a quote that is not closed', '8,9,1993-01-31,credit,"x,7.00,,,,', 'its quotes do not match'],
    ['a quote in the middle', '8,9,1993-01-31,credit,x"y,7.00,,,,', 'its quotes do not match'],
    ['an id that was there', good, 'transaction_id 7 is there already, on a line above'],
  ])('with %s is refused, and its neighbours are not', async (_name, row, reason) => {
    const last = good.replace('7,', '77,');
    expect(await transactions(good, row, last)).toEqual([
      '7',
      expect.stringMatching(new RegExp(`^3: .*${reason.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`)),
      '77',
    ]);
  });

  it('may have quotes around its fields, with commas and quotes within', async () => {
    expect(await transactions(good.replace('cash_deposit', '"cash, ""small"" notes"'))).toEqual(['7']);
  });
});

describe('accounts and districts', () => {
  it('are refused by their fields', async () => {
    const folder = importFolderOf({
      accounts: ['1,1,monthly,1993-01-01', '2,x,monthly,1993-01-01', '3,1,monthly,', '4,2147483648,monthly,1993-01-01'],
      districts: ['1,Praha,Prague,10', '2,,Prague,10', '3,Kladno, ,10', '4,Kladno,Bohemia,-1', '5,Kladno,Bohemia,1.5'],
    });
    expect(await read(accountForm, folder)).toEqual([
      '1',
      '3: district_id "x" is no whole number up to 2147483647',
      '4: opened_on "" is no day: write it as 1993-12-31',
      '5: district_id "2147483648" is no whole number up to 2147483647',
    ]);
    expect(await read(districtForm, folder)).toEqual([
      '1',
      '3: name is empty',
      '4: region is empty',
      '5: inhabitants "-1" is no whole number up to 2147483647',
      '6: inhabitants "1.5" is no whole number up to 2147483647',
    ]);
  });
});

describe('a file', () => {
  const write = (text: string | Buffer): string => {
    const folder = importFolderOf({});
    writeFileSync(join(folder, 'transactions.csv'), text);
    return folder;
  };

  it('may have a BOM, CRLF, blank lines and no line break at its end', async () => {
    const bad = good.replace('credit', 'none');
    const text = `\uFEFF${HEADERS.transactions}\r\n${good}\r\n\r\n${bad}\r\n${good.replace('7,', '8,')}`;
    expect(await read(transactionForm, write(text))).toEqual(['7', expect.stringMatching(/^4: direction/), '8']);
  });

  it('may have its columns in any order, and more of them', async () => {
    const order = `note,${HEADERS.transactions.split(',').toReversed().join(',')}`;
    const row = `hello,${good.split(',').toReversed().join(',')}`;
    const folder = write(`${order}\n${row}\n`);
    expect(await read(transactionForm, folder)).toEqual(['7']);
    expect((await CsvFile.open(folder, transactionForm)).unknownColumns).toEqual(['note']);
  });

  it('is read right wherever its chunks end', async () => {
    const rows = Array.from({ length: 5000 }, (_, index) => good.replace('7,', `${index},`).replace('cash', 'vklad_č'));
    expect(await transactions(...rows)).toHaveLength(5000);
    expect(await transactions(...rows)).toEqual(rows.map((_, index) => String(index)));
  });

  it('in another encoding has the rows refused that show it', async () => {
    const folder = write(Buffer.concat([Buffer.from(`${HEADERS.transactions}\n${good},`), Buffer.from([0xe8, 0x0a])]));
    expect(await read(transactionForm, folder)).toEqual([expect.stringMatching(/^2: /)]);
  });

  it.each([
    ['is empty', '', 'transactions.csv has no header'],
    ['lacks a column', HEADERS.transactions.replace(',amount', ''), 'transactions.csv has no column amount'],
    ['has a column twice', `${HEADERS.transactions},date`, 'transactions.csv has the column date twice'],
  ])('that %s cannot be used', async (_name, text, message) => {
    await expect(CsvFile.open(write(text), transactionForm)).rejects.toThrow(message);
    await expect(CsvFile.open(write(text), transactionForm)).rejects.toThrow(UsageError);
  });

  it('that is missing, or is a folder, cannot be used', async () => {
    const folder = importFolderOf({});
    const inner = join(folder, 'inner');
    mkdirSync(join(inner, 'transactions.csv'), { recursive: true });
    await expect(CsvFile.open(inner, transactionForm)).rejects.toThrow('has no file transactions.csv');
    await expect(CsvFile.open(join(folder, 'no'), transactionForm)).rejects.toThrow('has no file transactions.csv');
  });
});

function fieldsOf(row: string): Parameters<typeof transactionForm.parse>[0] {
  const values = row.split(',');
  return Object.fromEntries(transactionForm.columns.map((column, index) => [column, values[index]])) as never;
}
