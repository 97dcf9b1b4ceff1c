import { LinkLostError } from './redis-link.js';

/** What the server or the way to it says, and what to do about it. */
interface Explanation {
  readonly pattern: RegExp;
  readonly advice: string;
  /** It will not pass by itself: `open` does not wait for it. */
  readonly fatal?: true;
  /** The server has not run the command and soon will. */
  readonly passing?: true;
}

const EXPLANATIONS: readonly Explanation[] = [
  {
    pattern: /^(NOAUTH|WRONGPASS)|invalid password|no password is set/i,
    advice: 'Check user and password in "url" or "client".',
    fatal: true,
  },
  {
    pattern: /^NOPERM|has no permissions/,
    advice:
      'Give the user the keys "~{<stream>}*", the channels "&{<stream>}:*" and the commands that the guide on logs lists (ACL SETUSER).',
    fatal: true,
  },
  {
    pattern: /WRONGTYPE/,
    advice:
      'A key with the name of this log holds something else: give another "stream".',
    fatal: true,
  },
  {
    pattern: /FOREIGN/,
    advice:
      'They are not touched: give another "stream", or delete them if they are of no use.',
    fatal: true,
  },
  {
    pattern: /^(MOVED|ASK|CLUSTERDOWN|CROSSSLOT)\b/,
    advice:
      'RedisLog does not speak to a cluster: give the address of a server that is not in one.',
    fatal: true,
  },
  {
    pattern:
      /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|self[- ]signed|CERT_|certificate|ERR_TLS/i,
    advice:
      'Give "client", made by createClient({ url, socket: { tls: true, ca } }), or set NODE_EXTRA_CA_CERTS.',
    fatal: true,
  },
  {
    pattern:
      /WRONG_VERSION_NUMBER|wrong version number|packet length too long/i,
    advice: 'The server does not speak TLS at this port: use redis://.',
    fatal: true,
  },
  {
    pattern: /DB index is out of range|invalid DB index/i,
    advice: 'Check the database number in "url" or "client".',
    fatal: true,
  },
  {
    pattern: /\bOOM\b/,
    advice:
      'The server is at its "maxmemory": raise it, or lower maxEvents, maxBytes or maxAge.',
  },
  {
    pattern: /^MISCONF|MISCONF /,
    advice:
      'The server cannot write to its disk and takes no changes: see its log.',
  },
  {
    pattern: /READONLY/,
    advice:
      'This is a replica. Give the address of the master, one that follows a fail-over.',
    passing: true,
  },
  {
    pattern: /^(LOADING|MASTERDOWN|BUSY)\b/,
    advice: 'It will answer when that is done.',
    passing: true,
  },
  {
    pattern: /ERR unknown command.*HELLO|NOPROTO/i,
    advice: 'RedisLog needs Redis 6.2 or newer.',
    fatal: true,
  },
];

/** Says what is wrong and what to do, in one line and without secrets. */
export function explain(error: unknown): string {
  const said = textOf(error).replace(/[.\s]+$/, '');
  const advice = explanationOf(error)?.advice;
  return advice === undefined ? `${said}.` : `${said}. ${advice}`;
}

/** Whether waiting does not help. */
export function isFatal(error: unknown): boolean {
  return explanationOf(error)?.fatal === true;
}

/** Whether the server has refused a command for now, so that it is safe to send it again. */
export function isPassing(error: unknown): boolean {
  return isReply(error) && explanationOf(error)?.passing === true;
}

/** Whether the server itself has answered with an error, so that nothing is unknown. */
export function isReply(error: unknown): boolean {
  return (
    error instanceof Error &&
    // It says what ended the connection, which may have been the answer to another command.
    !(error instanceof LinkLostError) &&
    /^[A-Z]+ /.test(error.message) &&
    !hasCode(error)
  );
}

function explanationOf(error: unknown): Explanation | undefined {
  const text = textOf(error);
  return EXPLANATIONS.find(({ pattern }) => pattern.test(text));
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    // Node gives one for each address of a name, and no message.
    return textOf(error.errors[0]);
  }
  if (!(error instanceof Error)) {
    return String(error);
  }
  const code = (error as NodeJS.ErrnoException).code;
  return code === undefined || error.message.includes(code)
    ? error.message
    : `${error.message} (${code})`;
}

function hasCode(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code !== undefined;
}
