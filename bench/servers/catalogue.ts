import type { EngineName } from '../engines/engine.js';
import { RemoteProcess } from '../processes/remote-process.js';
import type { Serving } from './serve.js';

export interface ServerEntry {
  name: string;
  title: string;
  file: string;
  args: readonly string[];
  /** Serves `events` and `publish` of `/users/:id` and `/inbox/:id` as well. */
  servesUsers: boolean;
  /** Its deliveries are another server's. */
  onlyConnects: boolean;
  /**
   * The server whose new connections its own are compared with: one that has a guard too, if this has one. A guard costs
   * what it costs; the one is not to pay for it alone.
   */
  rival?: string;
  /** What its log is kept in: it is compared with servers that have other logs, and with no others. */
  engine?: EngineName;
}

export const servers: readonly ServerEntry[] = [
  entry('plain', 'plain node:http, shared buffer', 'plain-http.js'),
  entry('better-sse', 'better-sse, Express', 'better-sse.js'),
  entry('nest-express', 'Nest @Sse(), Express', 'nest-sse.js', 'express'),
  entry('nest-fastify', 'Nest @Sse(), Fastify', 'nest-sse.js', 'fastify'),
  {
    ...entry('hub-express', 'nestjs-sse-hub, Express', 'hub.js', 'express'),
    rival: 'nest-express',
  },
  {
    ...entry('hub-fastify', 'nestjs-sse-hub, Fastify', 'hub.js', 'fastify'),
    rival: 'nest-fastify',
  },
  entry(
    'guarded-express',
    'Nest @Sse() and a guard, Express',
    'nest-sse.js',
    'express',
    'guarded',
  ),
  entry(
    'guarded-fastify',
    'Nest @Sse() and a guard, Fastify',
    'nest-sse.js',
    'fastify',
    'guarded',
  ),
  {
    ...entry(
      'authorized-express',
      'hub with authorization, Express',
      'hub-authorized.js',
      'express',
    ),
    rival: 'guarded-express',
  },
  {
    ...entry(
      'authorized-fastify',
      'hub with authorization, Fastify',
      'hub-authorized.js',
      'fastify',
    ),
    rival: 'guarded-fastify',
  },
  overLog('memory', 'express', 'memory'),
  overLog('memory', 'fastify', 'memory'),
  overLog('sqlite', 'express', 'SQLite'),
  overLog('sqlite', 'fastify', 'SQLite'),
  overLog('sqlite-normal', 'fastify', 'SQLite, synchronous normal'),
  overLog('redis', 'express', 'Redis'),
  overLog('redis', 'fastify', 'Redis'),
  overLog('redis-always', 'fastify', 'Redis, appendfsync always'),
];

export function serverTitle(name: string): string {
  return servers.find((server) => server.name === name)?.title ?? name;
}

/** @throws Error if its connections are compared with no other's */
export function rivalOf(name: string): string {
  const rival = servers.find((server) => server.name === name)?.rival;
  if (rival === undefined) throw new Error(`${name} has no rival`);
  return rival;
}

export type ServerProcess = RemoteProcess<Serving>;

/** @param address of the server's log, if it takes one */
export function startServer(
  server: ServerEntry,
  address?: string,
  profiles?: string,
): Promise<ServerProcess> {
  const profiling = profiles
    ? [
        '--cpu-prof',
        `--cpu-prof-dir=${profiles}`,
        `--cpu-prof-name=${server.name}-${Date.now()}.cpuprofile`,
      ]
    : [];
  return RemoteProcess.start<Serving>(
    new URL(server.file, import.meta.url),
    address === undefined ? server.args : [...server.args, address],
    ['--expose-gc', ...profiling],
  );
}

function overLog(
  engine: EngineName,
  platform: 'express' | 'fastify',
  log: string,
): ServerEntry {
  const name = `log-${engine}-${platform}`;
  const title = `${log}, ${platform === 'express' ? 'Express' : 'Fastify'}`;
  return { ...entry(name, title, 'hub-log.js', platform), engine };
}

function entry(
  name: string,
  title: string,
  file: string,
  ...args: string[]
): ServerEntry {
  return {
    name,
    title,
    file,
    args,
    servesUsers: file === 'hub.js',
    onlyConnects: args.includes('guarded'),
  };
}
