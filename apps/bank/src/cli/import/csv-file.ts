// A CSV file with a known header. Every line is read on its own, so that a stray quote spoils one row and not the rest of
// the file, and a refusal names the very line; the price is that a field cannot contain a line break.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { UsageError } from '../terminal/command-line.js';
import { readLines } from './lines.js';

/** The fields of a row, by the name of their column. */
export type Fields<Column extends string> = Readonly<Record<Column, string>>;

/** A row, or why there is none. */
export type CsvLine<Column extends string> =
  | { readonly line: number; readonly fields: Fields<Column>; readonly refused?: never }
  | { readonly line: number; readonly refused: string };

/** What a file is called and which columns it has, in any order. */
export interface CsvForm<Column extends string> {
  readonly file: string;
  readonly columns: readonly Column[];
}

const REPLACEMENT = '\uFFFD';

export class CsvFile<Column extends string> {
  private constructor(
    readonly form: CsvForm<Column>,
    private readonly path: string,
    private readonly header: readonly string[],
  ) {}

  /** Errors: UsageError that names the file, and the column that it lacks. */
  static async open<Column extends string>(folder: string, form: CsvForm<Column>): Promise<CsvFile<Column>> {
    const path = join(folder, form.file);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile())
      throw new UsageError(
        `${folder} has no file ${form.file}: it needs one with the columns ${form.columns.join(',')}`,
      );
    const header = await readHeader(path, form.file);
    for (const column of form.columns) {
      const times = header.filter((name) => name === column).length;
      if (times === 0)
        throw new UsageError(
          `${form.file} has no column ${column}: its first line must name ${form.columns.join(',')}`,
        );
      if (times > 1) throw new UsageError(`${form.file} has the column ${column} twice: remove one`);
    }
    return new CsvFile(form, path, header);
  }

  /** Columns of the file that are not of its form. */
  get unknownColumns(): string[] {
    return this.header.filter((name) => !(this.form.columns as readonly string[]).includes(name));
  }

  /** Every row in order; blank lines are passed over. */
  async *rows(): AsyncGenerator<CsvLine<Column>, void> {
    const places = this.form.columns.map((column) => [column, this.header.indexOf(column)] as const);
    let line = 0;
    for await (const text of readLines(this.path)) {
      line += 1;
      if (line === 1 || text === '') continue;
      const values = split(text);
      const problem = values ? this.problem(text, values) : 'its quotes do not match';
      if (!values || problem !== undefined) yield { line, refused: problem ?? '' };
      else yield { line, fields: Object.fromEntries(places.map(([name, at]) => [name, values[at]])) as Fields<Column> };
    }
  }

  private problem(text: string, values: readonly string[]): string | undefined {
    const wanted = this.header.length;
    if (values.length !== wanted)
      return `too ${values.length < wanted ? 'few' : 'many'} columns: ${values.length} instead of ${wanted}`;
    return text.includes(REPLACEMENT) ? 'it is not UTF-8: save the file in that encoding' : undefined;
  }
}

async function readHeader(path: string, file: string): Promise<string[]> {
  for await (const line of readLines(path)) {
    const names = split(line);
    if (names) return names.map((name) => name.trim());
    break;
  }
  throw new UsageError(`${file} has no header: its first line must name the columns`);
}

/** The values of a line; undefined when its quotes do not match. */
function split(line: string): string[] | undefined {
  if (!line.includes('"')) return line.split(',');
  try {
    return parse(line, { columns: false, relax_column_count: true, record_delimiter: '\n' })[0];
  } catch {
    return undefined;
  }
}
