// Batch appends of clients that do not take their answers.
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, Metadata } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import services from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import { newId } from '@concord/kernel';
import { withClient } from '@concord/testing';
import { eventually } from '../../fixtures/data-folder.js';
import { type ServerUnderTest, startServer } from './server-under-test.js';

let server: ServerUnderTest;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server.close();
});

const uuid = () => new shared.UUID().setString(newId());

/** An answer repeats the name of the stream. */
function requestTo(stream: string): InstanceType<typeof streams.BatchAppendReq> {
  const identifier = new shared.StreamIdentifier().setStreamName(Buffer.from(stream));
  const options = new streams.BatchAppendReq.Options().setStreamIdentifier(identifier).setAny(new emptyPb.Empty());
  const message = new streams.BatchAppendReq.ProposedMessage().setId(uuid()).setData(Buffer.from('{}'));
  message.getMetadataMap().set('type', 'E').set('content-type', 'application/json');
  return new streams.BatchAppendReq()
    .setCorrelationId(uuid())
    .setIsFinal(true)
    .setOptions(options)
    .setProposedMessagesList([message]);
}

it('are not read on and on while their answers are not taken, and none is lost', async () => {
  const [all, bound] = [4000, 2500];
  const client = new services.StreamsClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
  const call = client.batchAppend(new Metadata());
  const answers: BatchAppendResp[] = [];
  call.on('data', (answer: BatchAppendResp) => answers.push(answer));
  call.on('error', () => undefined);
  call.pause();
  const name = `batch-${'x'.repeat(480)}`;
  for (let n = 0; n < all; n += 1) call.write(requestTo(`${name}${n % 50}`));
  await withClient(server.databaseUrl, async (database) => {
    const appended = async () => {
      const { rows } = await database.query<{ n: number }>(`select count(*)::int as n from concord.events`);
      return rows[0]!.n;
    };
    for (let last = -1, now = 0; now === 0 || now !== last; now = await appended()) {
      last = now;
      await sleep(500);
    }
    expect(await appended()).toBeLessThan(bound);
  });
  call.resume();
  await eventually(() => answers.length === all, 'all answers in the end', 20_000);
  expect(answers.filter((answer) => !answer.hasSuccess())).toEqual([]);
  call.end();
  client.close();
});
