import {
  CONTROL_TOPIC,
  readControlEntry,
  toDisconnectRecord,
  toRefreshRecord,
} from './control-entry.js';
import { InvalidRevocationException } from './hub.exceptions.js';
import { checkPattern, checkTopic, topic } from './topic.js';

const read = ({ type, data }: { type: string; data: string }) =>
  readControlEntry(type, data);

describe('an entry of the hub', () => {
  it('lies under a topic that is none of an application', () => {
    const { topic: reserved } = toRefreshRecord({ user: 7 });
    expect(reserved).toBe(CONTROL_TOPIC);
    expect(() => checkTopic(reserved)).toThrow(/wildcard/);
    expect(() => checkPattern(reserved)).toThrow(/wildcard/);
    expect(topic(reserved)).not.toBe(reserved);
  });

  it('says the same to every node that reads it', () => {
    expect(
      read(toDisconnectRecord({ user: 7n, topic: 'news' }, 'signed-out')),
    ).toEqual({
      type: 'hub.disconnect',
      user: '7',
      topic: 'news',
      reason: 'signed-out',
    });
    expect(read(toDisconnectRecord({ connection: 'a-1' }, 'x'))).toEqual({
      type: 'hub.disconnect',
      connection: 'a-1',
      reason: 'x',
    });
    expect(read(toRefreshRecord({ user: 7 }))).toEqual({
      type: 'hub.refresh',
      user: '7',
    });
  });

  it('is for everyone’s node and for nobody’s stream', () => {
    expect(toRefreshRecord({ user: 7 })).not.toHaveProperty('audience');
  });

  it('of a kind that another version has is passed over', () => {
    expect(readControlEntry('hub.something', '{}')).toBeUndefined();
  });

  it.each([
    [{}, 'no criterion'],
    [{ users: ['7'] }, 'unknown criterion "users"'],
    [
      { user: undefined, topic: 'news' },
      '"user" is undefined: its value is missing. Check where it comes from, such as session.userId',
    ],
    [
      { user: 7, topic: undefined },
      '"topic" is undefined: its value is missing. Check where it comes from.',
    ],
    [{ user: '' }, '"user" must be'],
    [{ user: {} }, '"user" must be'],
    [{ connection: 'x'.repeat(256) }, '"connection" must be'],
    [undefined, 'must be an object'],
  ])('is refused for %j: %s', (criteria, message) => {
    const refused = () => toDisconnectRecord(criteria as never, 'revoked');
    expect(refused).toThrow(InvalidRevocationException);
    expect(refused).toThrow(message);
  });
});
