// Reads a source in pages whose size follows that of the events, so that neither small events cost a round trip each nor
// large ones fill the memory.
import type { Page, Source } from './source.js';

const FIRST_PAGE = 64;
const MAX_PAGE = 1000;
const BYTES_A_PAGE = 4 * 1024 * 1024;

export class Pages {
  private size = FIRST_PAGE;

  constructor(
    private readonly source: Source,
    private readonly backwards: boolean,
  ) {}

  /** `wanted`: how many entries the reader wants still; a sparse source may give more. */
  async take(from: bigint, wanted: number): Promise<Page> {
    const limit = this.source.sparse ? this.size : Math.min(this.size, wanted);
    const page = await this.source.page(from, limit, this.backwards);
    const bytes = page.entries.reduce((sum, { event, link }) => sum + sizeOf(event) + sizeOf(link), 0);
    const fitting = bytes === 0 ? MAX_PAGE : Math.floor((BYTES_A_PAGE * page.lookedAt) / bytes);
    this.size = Math.max(1, Math.min(MAX_PAGE, this.size * 4, fitting));
    return page;
  }
}

function sizeOf(event: { data: string; metadata: string } | undefined): number {
  return event ? event.data.length + event.metadata.length : 0;
}
