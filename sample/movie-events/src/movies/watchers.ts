import { randomUUID } from 'node:crypto';
import {
  Injectable,
  type MessageEvent,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';
import {
  BehaviorSubject,
  type Observable,
  Subject,
  auditTime,
  defer,
  filter,
  finalize,
  interval,
  merge,
  takeUntil,
} from 'rxjs';

interface NodeCount {
  node: string;
  count: number;
}

const TELL_EVERY = 5_000;
const FORGET_AFTER = 3 * TELL_EVERY;

/** Counts who is watching, on all nodes, and tells everybody who is. */
@Injectable()
export class Watchers implements OnModuleInit, OnModuleDestroy {
  private readonly node = randomUUID();
  private readonly own = new BehaviorSubject(0);
  /** What each node has told, and when. */
  private readonly nodes = new Map<string, { count: number; at: number }>();
  private readonly total = new BehaviorSubject(toMessage(0));
  private readonly closed = new Subject<void>();

  constructor(
    private readonly hub: EventHub<{ watchers: { count: NodeCount } }>,
  ) {}

  onModuleInit(): void {
    this.hub
      .listen({ topics: ['watchers'] })
      .subscribe(({ data }) => this.hear(data));
    // A hundred pages that come back at once make one event, not a hundred. And again
    // and again, or nobody would notice that a node is gone.
    merge(this.own.pipe(auditTime(100)), interval(TELL_EVERY))
      .pipe(takeUntil(this.closed))
      .subscribe(() => void this.tell(this.own.value));
  }

  watch(): Observable<MessageEvent> {
    return defer(() => {
      this.own.next(this.own.value + 1);
      return this.total;
    }).pipe(
      // Who has just come is not counted yet.
      filter(({ data }) => data.count > 0),
      finalize(() => this.own.next(this.own.value - 1)),
    );
  }

  async onModuleDestroy(): Promise<void> {
    this.closed.next();
    await this.tell(0);
  }

  /** Ephemeral: nobody wants to be told later how many there were. */
  private async tell(count: number): Promise<void> {
    await this.hub
      .publish('watchers', {
        type: 'count',
        data: { node: this.node, count },
        ephemeral: true,
      })
      // The log is away for now; what is told next makes up for it.
      .catch(() => undefined);
  }

  private hear({ node, count }: NodeCount): void {
    if (node !== this.node && !this.nodes.has(node)) {
      // It is new, and does not know this one yet.
      this.own.next(this.own.value);
    }
    const now = Date.now();
    this.nodes.set(node, { count, at: now });
    let total = 0;
    for (const [known, told] of this.nodes) {
      if (told.at < now - FORGET_AFTER) {
        this.nodes.delete(known);
      } else {
        total += told.count;
      }
    }
    if (total !== this.total.value.data.count) {
      this.total.next(toMessage(total));
    }
  }
}

function toMessage(count: number) {
  return { type: 'watching', data: { count } };
}
