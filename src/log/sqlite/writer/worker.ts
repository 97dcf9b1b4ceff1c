import { parentPort, workerData } from 'node:worker_threads';
import { failureOf } from './failure.ts';
import { LogFile } from './log-file.ts';
import type {
  WriterAnswer,
  WriterRequest,
  WriterResult,
  WriterSettings,
} from './messages.ts';

// Run by Node itself, also from the sources: what this file and those beside it import must end in .ts, and
// types must be all that has to be stripped from them.

const port = parentPort!;

function answer(give: () => WriterResult): void {
  let said: WriterAnswer;
  try {
    said = { result: give() };
  } catch (error) {
    said = { failure: failureOf(error) };
  }
  port.postMessage(said);
}

function serve(file: LogFile, request: WriterRequest): WriterResult {
  switch (request.do) {
    case 'append':
      return file.append(request.rows, request.now);
    case 'trim':
      return file.trim(request.now);
    case 'close':
      return file.close();
  }
}

async function open(): Promise<void> {
  const file = await LogFile.open(workerData as WriterSettings);
  port.on('message', (request: WriterRequest) => {
    answer(() => serve(file, request));
    if (request.do === 'close') {
      // With nothing to listen to the thread ends.
      port.close();
    }
  });
  answer(() => file.opened);
}

open().catch((error: unknown) =>
  answer(() => {
    throw error;
  }),
);
