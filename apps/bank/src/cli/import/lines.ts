// A text file line by line, whatever its size: UTF-8, with or without a BOM, lines ended by LF or CRLF.
import { createReadStream } from 'node:fs';

const BOM = '\uFEFF';

export async function* readLines(path: string): AsyncGenerator<string, void> {
  let rest = '';
  let first = true;
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      yield clean(line, first);
      first = false;
    }
  }
  if (rest !== '') yield clean(rest, first);
}

function clean(line: string, first: boolean): string {
  const start = first && line.startsWith(BOM) ? 1 : 0;
  return line.slice(start, line.endsWith('\r') ? -1 : undefined);
}
