import { createParser } from 'eventsource-parser';
import http from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { AppNode } from '../cluster/app-node.js';
import type { ClientRecord } from '../judgement/client-record.js';

/** How long a browser waits that was told nothing else, scaled down like the servers' `retry`. */
const FIRST_RETRY = 200;

/** What a browser has seen of its connections. */
export interface BrowserFigures {
  connects: number;
  /** Connects without an answer. */
  refusals: number;
  /** Streams that the server has cut because the client took nothing. */
  slowCuts: number;
  /** Streams that have ended, and answers that were none, without a cause. */
  unexplained: number;
  resets: number;
  /** The longest time without an open stream that was neither wanted nor slept away, in milliseconds. */
  longestWithout: number;
}

/** One request, to one life of a node. */
interface Visit {
  readonly request: ClientRequest;
  readonly node: AppNode;
  readonly life: number;
  response?: IncomingMessage;
  /** Bytes have come, be it only a heartbeat. */
  received: number;
  /** Why its end is no wonder: the client has cut it, or takes nothing, or the node was not ready. */
  excuse?: 'own' | 'slow' | 'not ready';
  /** Why the server says that it ends the stream. */
  closing?: string;
}

/**
 * A client that goes on as a browser's EventSource does (WHATWG HTML, 9.2): whole blocks count,
 * the last id is kept over connections and sent as `Last-Event-ID`, it comes back after the server's
 * `retry`, and gives up for good on an answer that is no stream. Each time it takes any node, as a load
 * balancer without sticky sessions does.
 */
export class Browser {
  readonly figures: BrowserFigures = {
    connects: 0,
    refusals: 0,
    slowCuts: 0,
    unexplained: 0,
    resets: 0,
    longestWithout: 0,
  };
  #visit: Visit | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry = FIRST_RETRY;
  #lastEventId: string | undefined;
  #held = false;
  #stopped = false;
  #without: number | undefined;
  readonly #awaited = new Map<number, () => void>();

  constructor(
    readonly record: ClientRecord,
    private readonly nodes: readonly AppNode[],
    private readonly topic: string | undefined,
    private readonly random: () => number,
    /** Takes ends and answers that no fault explains. */
    private readonly complain: (text: string) => void,
  ) {}

  get isOpen(): boolean {
    return this.#visit?.response !== undefined;
  }

  /** Its stream is open, as far as it knows, and it takes nothing. */
  get isFrozen(): boolean {
    return this.#visit?.excuse === 'slow';
  }

  start(): void {
    this.#connect();
  }

  /** The network cuts it off; it comes back by itself. */
  drop(): void {
    if (this.#visit !== undefined) {
      this.#visit.excuse = 'own';
      this.#visit.request.destroy();
    }
  }

  /** It stays away, as in a pocket without network, until `release`. */
  hold(): void {
    this.#held = true;
    clearTimeout(this.#timer);
    this.#without = undefined;
    this.drop();
  }

  release(): void {
    if (this.#held) {
      this.#held = false;
      this.#comeBack(0);
    }
  }

  /** It takes no more bytes from its socket, until `thaw`. */
  freeze(): void {
    if (this.#visit !== undefined) {
      this.#visit.excuse = 'slow';
      this.#visit.response?.pause();
    }
  }

  thaw(): void {
    this.#visit?.response?.resume();
  }

  /** Resolves when it has got an event. */
  has(event: number): Promise<void> {
    return new Promise((resolve) => this.#awaited.set(event, resolve));
  }

  forget(event: number): void {
    this.#awaited.delete(event);
  }

  /**
   * Whether the stream that is open now gets signs of life: call it later to see. A stream
   * that has ended meanwhile has its own complaint.
   */
  watchLife(): () => boolean {
    const visit = this.#visit;
    if (visit?.response === undefined || visit.excuse !== undefined) {
      return () => true;
    }
    const { received } = visit;
    return () => visit !== this.#visit || visit.received > received;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.drop();
  }

  #connect(): void {
    const node = this.nodes[Math.floor(this.random() * this.nodes.length)]!;
    const query = this.topic === undefined ? '' : `?topic=${this.topic}`;
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (this.#lastEventId !== undefined) {
      headers['last-event-id'] = this.#lastEventId;
    }
    this.figures.connects++;
    const wasReady = node.ready;
    const request = http.get(`${node.url}/events${query}`, {
      agent: false,
      headers,
    });
    const visit: Visit = {
      request,
      node,
      life: node.life,
      received: 0,
      excuse: wasReady ? undefined : 'not ready',
    };
    this.#visit = visit;
    request.on('response', (response) => this.#open(visit, response));
    request.on('error', (error) => this.#end(visit, String(error)));
  }

  #open(visit: Visit, response: IncomingMessage): void {
    const { statusCode, headers } = response;
    if (
      statusCode !== 200 ||
      !headers['content-type']?.startsWith('text/event-stream')
    ) {
      this.figures.unexplained++;
      this.complain(
        `${this.record.name} was answered ${statusCode} by ${visit.node.name}: a browser would not come back`,
      );
      response.resume();
      response.on('close', () => this.#end(visit, undefined));
      return;
    }
    visit.response = response;
    if (this.#without !== undefined) {
      this.figures.longestWithout = Math.max(
        this.figures.longestWithout,
        Date.now() - this.#without,
      );
      this.#without = undefined;
    }
    const { request } = visit;
    const parser = createParser({
      onEvent: ({ event, id, data }) => this.#block(visit, event, id, data),
      onRetry: (retry) => (this.#retry = retry),
    });
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      visit.received += text.length;
      // What comes after a cut is of a connection that is given up.
      if (visit === this.#visit && !request.destroyed) {
        parser.feed(text);
      }
    });
    response.on('error', () => undefined);
    response.on('close', () => this.#end(visit, 'the stream has ended'));
  }

  #block(
    visit: Visit,
    type: string | undefined,
    id: string | undefined,
    data: string,
  ): void {
    if (id !== undefined) {
      this.#lastEventId = id;
    }
    if (type === undefined || type === 'message') {
      const { event } = JSON.parse(data) as { event: number };
      this.record.event(event, id);
      if (this.#awaited.size > 0) {
        this.#awaited.get(event)?.();
      }
    } else if (type === 'hub.reset') {
      const { reason, cursor } = JSON.parse(data) as Record<string, string>;
      this.figures.resets++;
      this.record.reset(id!, { reason: reason!, lost: cursor ?? null });
    } else if (type === 'hub.checkpoint') {
      this.record.checkpoint(id!);
    } else if (type === 'hub.closed') {
      visit.closing = data;
    } else {
      this.complain(`${this.record.name} got ${type}: ${data}`);
    }
  }

  #end(visit: Visit, reason: string | undefined): void {
    if (visit !== this.#visit) {
      return;
    }
    this.#visit = undefined;
    const { node, life, excuse } = visit;
    if (visit.response === undefined) {
      this.figures.refusals++;
    } else if (excuse === 'slow') {
      this.figures.slowCuts++;
    }
    if (
      reason !== undefined &&
      excuse === undefined &&
      !this.#stopped &&
      node.ready &&
      node.life === life
    ) {
      this.figures.unexplained++;
      this.complain(
        `${this.record.name} lost its stream of ${node.name}, which runs: ${visit.closing ?? reason}`,
      );
    }
    if (!this.#held && !this.#stopped) {
      this.#without ??= Date.now();
      this.#comeBack(this.#retry);
    }
  }

  #comeBack(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), delay);
  }
}
