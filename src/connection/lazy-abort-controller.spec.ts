import { LazyAbortController } from './lazy-abort-controller.js';

describe('LazyAbortController', () => {
  it('has one signal, which is aborted with the reason', () => {
    const controller = new LazyAbortController();
    const { signal } = controller;
    const reasons: unknown[] = [];
    signal.addEventListener('abort', () => reasons.push(signal.reason));

    expect(signal).toBe(controller.signal);
    expect(signal.aborted).toBe(false);
    controller.abort('client');
    expect(signal.aborted).toBe(true);
    expect(reasons).toEqual(['client']);
  });

  it('gives an aborted signal to who asks after the abort', () => {
    const controller = new LazyAbortController();
    controller.abort('shutdown');

    expect(controller.signal.aborted).toBe(true);
    expect(controller.signal.reason).toBe('shutdown');
    expect(controller.signal).toBe(controller.signal);
  });

  it.each([true, false])(
    'keeps its first reason (signal asked for before: %p)',
    (asksBefore) => {
      const controller = new LazyAbortController();
      if (asksBefore) {
        void controller.signal;
      }
      controller.abort('first');
      controller.abort('second');

      expect(controller.signal.reason).toBe('first');
    },
  );

  it('has the reason of an AbortController when none is given', () => {
    const controller = new LazyAbortController();
    controller.abort();

    expect((controller.signal.reason as Error).name).toBe('AbortError');
  });
});
