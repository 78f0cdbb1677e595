// What personal fields cost, in CPU time: node --import ./test/load-typescript.js test/measure/personal-data.ts
import { MasterKeys, MemorySubjectKeys, personalData } from '@concord/privacy';
import { isSealed, newId, type SealableAppend, type SealedEvent } from '@concord/kernel';

const EVENTS = 20_000;
const ROUNDS = 5;
const MASTER = new MasterKeys(Buffer.alloc(32, 1).toString('base64'));
const DECLARED = [{ type: 'Joined', subject: 'who', fields: { name: '-', 'address.street': '-' } }];
const seal = personalData(DECLARED, new MemorySubjectKeys(), MASTER);

type Append = SealableAppend;
const appendOf = (type: string): Append => {
  const data = { who: 'ada', name: 'Ada Lovelace', address: { street: 'St. James’s Square 12', city: 'London' }, n: 1 };
  return { stream: 's-1', events: [{ id: newId(), type, data: { ...data, note: 'x'.repeat(150) }, metadata: {} }] };
};

async function measured(name: string, work: () => unknown): Promise<void> {
  const perEvent: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    perEvent.push((user + system) / EVENTS);
  }
  perEvent.sort((a, b) => a - b);
  process.stdout.write(`${name.padEnd(36)} ${perEvent[Math.floor(ROUNDS / 2)]!.toFixed(2)} µs an event\n`);
}

const personal = Array.from({ length: EVENTS }, () => appendOf('Joined'));
const plain = Array.from({ length: EVENTS }, () => appendOf('Other'));
// Makes the key.
await seal.seal('t', personal.slice(0, 1));
const stored: SealedEvent[] = [];
for (const append of personal) {
  const [sealed] = await seal.seal('t', [append]);
  stored.push({ stream: append.stream, ...sealed!.events[0]! });
}

await measured('seal, personal', async () => {
  for (const append of personal) await seal.seal('t', [append]);
});
await measured('seal, no personal field', async () => {
  for (const append of plain) await seal.seal('t', [append]);
});
const rows = plain.map(({ events: [event] }) => JSON.parse(JSON.stringify(event!.data)) as unknown);
await measured('look, no personal field', () => rows.some(isSealed));
await measured('open, personal, 1,000 a page', async () => {
  for (let from = 0; from < EVENTS; from += 1_000) await seal.open('t', stored.slice(from, from + 1_000));
});
