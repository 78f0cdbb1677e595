// What the documentation shows is what the tests run: a block under `<!-- file: path -->` is that file, whole.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

const root = new URL('../../', import.meta.url);

async function pages(): Promise<string[]> {
  const files = await readdir(new URL('docs/', root), { recursive: true });
  return ['README.md', ...files.filter((file) => file.endsWith('.md')).map((file) => `docs/${file}`)];
}

interface Snippet {
  readonly page: string;
  readonly file: string;
  readonly text: string;
}

function snippetsOf(page: string, text: string): Snippet[] {
  return [...text.matchAll(/<!-- file: (\S+) -->\n+```\w*\n([\s\S]*?)```/g)].map((match) => ({
    page,
    file: match[1]!,
    text: match[2]!,
  }));
}

const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');

describe('the documentation', () => {
  it('shows files as they are', async () => {
    const all = await Promise.all((await pages()).map(async (page) => snippetsOf(page, await read(page))));
    const snippets = all.flat();
    expect(snippets.length).toBeGreaterThan(4);
    for (const { page, file, text } of snippets) {
      expect({ page, file, text }).toEqual({ page, file, text: await read(file) });
    }
  });

  it('links to files that are there', async () => {
    for (const page of await pages()) {
      const links = [...(await read(page)).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) => match[1]!);
      for (const link of links) {
        const target = new URL(link, new URL(page, root));
        expect({ page, link, found: existsSync(target) }).toEqual({ page, link, found: true });
      }
    }
  });
});
