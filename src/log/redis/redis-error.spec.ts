import { explain, isFatal, isPassing, isReply } from './redis-error.js';
import { LinkLostError } from './redis-link.js';

const withCode = (message: string, code: string) =>
  Object.assign(new Error(message), { code });

describe('What a server or the way to it says', () => {
  it.each([
    [
      'WRONGPASS invalid username-password pair or user is disabled.',
      /Check user and password/,
    ],
    [
      'NOAUTH HELLO must be called with the client already authenticated',
      /Check user and password/,
    ],
    [
      "NOPERM this user has no permissions to run the 'xadd' command",
      /ACL SETUSER/,
    ],
    [
      'WRONGTYPE Operation against a key holding the wrong kind of value',
      /another "stream"/,
    ],
    ['MOVED 866 127.0.0.1:7000', /not in one/],
    ['ERR DB index is out of range', /database number/],
  ])('will not pass by itself: %s', (message, advice) => {
    const error = new Error(message);

    expect(isFatal(error)).toBe(true);
    expect(isPassing(error)).toBe(false);
    expect(explain(error)).toMatch(advice);
    expect(explain(error)).toContain(message.replace(/\.$/, ''));
  });

  it.each([
    'LOADING Redis is loading the dataset in memory',
    "READONLY You can't write against a read only replica. script: 1, on @user_script:77.",
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  ])('was refused for now, and is safe to send again: %s', (message) => {
    expect(isPassing(new Error(message))).toBe(true);
    expect(isFatal(new Error(message))).toBe(false);
    expect(isReply(new Error(message))).toBe(true);
  });

  it.each([
    [
      "OOM command not allowed when used memory > 'maxmemory'. script: 1",
      /raise it/,
    ],
    ['MISCONF Redis is configured to save RDB snapshots', /disk/],
  ])('is an answer, and will not be sent again: %s', (message, advice) => {
    expect(isReply(new Error(message))).toBe(true);
    expect(isPassing(new Error(message))).toBe(false);
    expect(isFatal(new Error(message))).toBe(false);
    expect(explain(new Error(message))).toMatch(advice);
  });

  it.each([
    withCode('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'),
    withCode('read ECONNRESET', 'ECONNRESET'),
    new Error('Socket closed unexpectedly'),
    new Error('The server has not answered within 5 ms'),
    new LinkLostError('BUSY Redis is busy running a script.'),
    withCode('getaddrinfo EAI_AGAIN redis.svc.cluster.local', 'EAI_AGAIN'),
  ])('is no answer: %s', (error) => {
    expect(isReply(error)).toBe(false);
    expect(isPassing(error)).toBe(false);
    expect(isFatal(error)).toBe(false);
  });

  it('names the code that its message lacks, and the first of many', () => {
    expect(
      explain(
        withCode('self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'),
      ),
    ).toMatch(
      /^self-signed certificate \(DEPTH_ZERO_SELF_SIGNED_CERT\)\. .*NODE_EXTRA_CA_CERTS/,
    );
    expect(
      explain(
        new AggregateError([
          withCode('connect ECONNREFUSED ::1:1', 'ECONNREFUSED'),
        ]),
      ),
    ).toBe('connect ECONNREFUSED ::1:1.');
  });
});
