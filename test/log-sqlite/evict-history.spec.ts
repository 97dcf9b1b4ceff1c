import { SqliteLog } from 'nestjs-sse-hub/sqlite';
import { closeSseTestClients } from 'nestjs-sse-hub/testing';
import { expectReset } from '../support/evicted-history.js';
import { closeApps } from '../support/running-app.js';
import { newFile, removeFolders } from './support/folders.js';
import { describeSqlite } from './support/sqlite-tests.js';

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
  removeFolders();
});

describeSqlite('evictHistory on SqliteLog', () => {
  it('has the log drop what it keeps, so that who comes back is told', () =>
    expectReset(new SqliteLog({ file: newFile(), maxEvents: 100 })));
});
