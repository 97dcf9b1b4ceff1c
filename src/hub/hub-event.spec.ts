import { jest } from '@jest/globals';
import { HubEvent } from './hub-event.js';
import type { EncodedParts, HubEventParts } from './hub-event.js';
import { UnserializableDataException } from './serialize.js';

const parts: HubEventParts = {
  id: 'e-00000000001',
  topic: 'movies',
  type: 'movie.added',
  text: '{"title":"Alien","tags":["horror",{"deep":true}]}',
  time: 1_000,
  audience: { users: ['42'] },
};

describe('HubEvent', () => {
  it('has the fields of what was published', () => {
    const event = new HubEvent(parts);

    expect(event.id).toBe('e-00000000001');
    expect(event.topic).toBe('movies');
    expect(event.type).toBe('movie.added');
    expect(event.data).toEqual({
      title: 'Alien',
      tags: ['horror', { deep: true }],
    });
    expect(event.time).toEqual(new Date(1_000));
    expect(event.audience).toEqual({ users: ['42'] });
  });

  it('parses its data when first read, and once', () => {
    const parse = jest.spyOn(JSON, 'parse');
    try {
      const event = new HubEvent(parts);
      expect(parse).not.toHaveBeenCalled();
      expect(event.data).toBe(event.data);
      expect(parse).toHaveBeenCalledTimes(1);
    } finally {
      parse.mockRestore();
    }
  });

  it('parses data that is null once, too', () => {
    const event = new HubEvent({ ...parts, text: 'null' });
    expect(event.data).toBeNull();
    const parse = jest.spyOn(JSON, 'parse');
    try {
      expect(event.data).toBeNull();
      expect(parse).not.toHaveBeenCalled();
    } finally {
      parse.mockRestore();
    }
  });

  it('refuses changes to its data, at every depth', () => {
    const { data } = new HubEvent(parts);

    expect(() => {
      data.title = 'Aliens';
    }).toThrow(TypeError);
    expect(() => data.tags.push('x')).toThrow(TypeError);
    expect(() => {
      data.tags[1].deep = false;
    }).toThrow(TypeError);
  });

  describe('with()', () => {
    it('makes a changed copy that keeps id, topic, time and audience', () => {
      const event = new HubEvent(parts);
      const copy = event.with({ type: 'changed', data: { n: 1 } });

      expect(copy).toBeInstanceOf(HubEvent);
      expect(copy).not.toBe(event);
      expect(copy.toJSON()).toEqual({
        ...event.toJSON(),
        type: 'changed',
        data: { n: 1 },
      });
      expect(event.type).toBe('movie.added');
      expect(event.data.title).toBe('Alien');
    });

    it('keeps what is not named', () => {
      const event = new HubEvent(parts);

      expect(event.with({ data: null }).type).toBe('movie.added');
      expect(event.with({ data: null }).data).toBeNull();
      expect(event.with({ type: 'x' }).data).toEqual(event.data);
    });

    it('serializes at once, so that a later change of the source is not sent', () => {
      const data = { n: 1 };
      const copy = new HubEvent(parts).with({ data });
      data.n = 2;

      expect(copy.data).toEqual({ n: 1 });
    });

    it('refuses data that cannot become JSON', () => {
      expect(() => new HubEvent(parts).with({ data: { n: 1n } })).toThrow(
        UnserializableDataException,
      );
    });

    it('does not share the frame of the event it is a copy of', () => {
      const event = new HubEvent(parts);
      const encode = ({ text }: EncodedParts) => ({ text });
      const frame = HubEvent.shared(event, encode);

      expect(HubEvent.shared(event.with({ data: 1 }), encode)).not.toBe(frame);
    });
  });

  describe('as JSON', () => {
    it('has its public fields and nothing else', () => {
      const event = new HubEvent(parts);
      HubEvent.shared(event, () => 'a frame');

      expect(JSON.parse(JSON.stringify(event))).toEqual({
        id: 'e-00000000001',
        topic: 'movies',
        type: 'movie.added',
        data: { title: 'Alien', tags: ['horror', { deep: true }] },
        time: '1970-01-01T00:00:01.000Z',
      });
    });

    it('leaves out the id of an ephemeral event', () => {
      const event = new HubEvent({ ...parts, id: undefined });

      expect(Object.keys(JSON.parse(JSON.stringify(event)))).not.toContain(
        'id',
      );
    });
  });

  it('is encoded once for all who share it', () => {
    const event = new HubEvent(parts);
    const encode = jest.fn((given: EncodedParts) => ({ given }));

    expect(HubEvent.shared(event, encode)).toBe(HubEvent.shared(event, encode));
    expect(encode).toHaveBeenCalledTimes(1);
    const { id, type, text } = parts;
    expect(encode).toHaveBeenCalledWith({ id, type, text });
  });

  it('is the same without its id for who is past it', () => {
    const event = new HubEvent({ ...parts, dispatched: true });
    const without = HubEvent.withoutId(event);

    expect(without.id).toBeUndefined();
    expect(without.toJSON()).toEqual({ ...event.toJSON(), id: undefined });
    expect(without.audience).toEqual(parts.audience);
    expect(HubEvent.isDispatched(without)).toBe(true);
    expect(event.id).toBe(parts.id);
  });
});
