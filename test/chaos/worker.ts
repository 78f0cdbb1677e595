// A worker of the chaos test, an app instance of its own: clients side by side, until it is killed or told to stop.
// node --import test/load-typescript.js test/chaos/worker.ts <settings as JSON>
import { Logger } from '@nestjs/common';
import { Dice, Notes } from '../torture/model.js';
import { Clients } from './clients.js';
import type { Complaint, FromWorker, ToWorker, WorkerSettings } from './messages.js';
import { Keys, Orders } from './orders.js';
import { Recorder } from './recorder.js';
import { workloadOf } from './workloads/index.js';

const settings = JSON.parse(process.argv[2] ?? '') as WorkerSettings;
const { worker, workload: name, urls, weakening, files } = settings;
Logger.overrideLogger(false);
const CLIENTS = 6;
const dice = new Dice(settings.seed);
const recorder = new Recorder(files.history, BigInt(settings.origin));
const complaints = new Notes<Complaint>(files.complaints);
const workload = workloadOf(name);
const transactor = await workload.open({ urls, weakening, mailboxes: worker % 2 === 0 });
const keys = new Keys(urls.length, settings.generations);
const tell = (message: FromWorker): unknown => process.send?.(message);
const clients = new Clients({
  transactor,
  orders: new Orders({ dice, keys, worker, isDistributed: workload.isDistributed }),
  keys,
  dice,
  worker,
  write: (...line) => recorder.write(...line),
  onError: (complaint) => complaints.write(complaint),
  onNewKeys: () => tell({ generations: keys.all }),
});

process.on('message', (message: ToWorker) => {
  if (message === 'stop') clients.stop();
  else if (message === 'leave') void transactor.close().then(() => process.disconnect());
  else transactor.dieAt(message.dieAt);
});
tell('ready');
await clients.run(CLIENTS);
tell('idle');
