/** The code that docs/rooms.md gives to apps, run as it stands there, on two nodes. */
import type { Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Injectable } from '@nestjs/common';
import { OnSseEvent } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { DocsFiles } from '../support/docs-files.js';
import { eventually } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { startNode } from '../support/nodes.js';
import type { Node } from '../support/nodes.js';
import { closeApps, platforms } from '../support/running-app.js';
import { SharedHistory } from '../support/shared-log.js';

const files = new DocsFiles('docs/rooms.md');
const { RoomsController } = await files.import('src/rooms/rooms.controller.ts');
const { RoomCommands } = await files.import('src/rooms/room-commands.ts');

afterAll(() => files.remove());

@Injectable()
class Listener {
  readonly heard: unknown[] = [];

  @OnSseEvent('numbers')
  number({ data }: { data: unknown }): void {
    this.heard.push(data);
  }
}

describe.each(platforms)('On two nodes, on %s', (_, adapter) => {
  let here: Node;
  let there: Node;

  beforeEach(async () => {
    const history = new SharedHistory();
    const start = () =>
      startNode(adapter, history, {
        controllers: [RoomsController as Type],
        providers: [
          Listener,
          RoomCommands as Type,
          { provide: APP_GUARD, useClass: HeaderUserGuard },
        ],
      });
    [here, there] = [await start(), await start()];
  });

  afterEach(async () => {
    await closeSseTestClients();
    await closeApps();
  });

  it('@OnSseEvent() hears what either has published, in the order of the log', async () => {
    await here.hub.publish('numbers', { data: { n: 1 } });
    await there.hub.publish('numbers', { data: { n: 2 } });
    await here.hub.publish('numbers', { data: { n: 3 } });

    for (const { app } of [here, there]) {
      const { heard } = app.get(Listener);
      await eventually(() => heard.length >= 3);
      expect(heard).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    }
  });

  it('a command enters a room on the node that has the connection', async () => {
    const headers = { 'x-user': 'ann' };
    const page = await SseTestClient.connect(here.app, '/rooms/events', {
      headers,
    });
    const { connection } = (await page.next('connected')).data;
    await there.hub.publish('rooms.tea', { type: 'said', data: { text: 'a' } });
    const commands = there.app.get(RoomCommands as Type);
    await commands.enter(connection, 'bob', 'secret');
    await commands.enter(connection, 'ann', 'tea');

    expect((await page.next('said')).data).toEqual({ text: 'a' });
    await there.hub.publish('rooms.secret', { data: 'not for ann' });
    await there.hub.publish('rooms.tea', { type: 'said', data: { text: 'b' } });
    // The node has met both, in the order of the log.
    expect((await page.next()).data).toEqual({ text: 'b' });
    await page.expectNone();
  });
});
