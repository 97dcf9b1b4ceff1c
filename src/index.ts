export { SseModule } from './sse.module.js';
export type {
  LimitOptions,
  SlowClientOptions,
  SseModuleOptions,
} from './sse.module-options.js';
export { InvalidOptionException } from './options/check-options.js';

export { InvalidLeaseException } from './authorization/lease.js';

export { EventHub } from './hub/event-hub.js';
export type {
  HistoryEventsOptions,
  HistoryOptions,
  ListenEventsOptions,
  ListenOptions,
  PublishOf,
  SelectOptions,
  Snapshot,
  StreamEventsOptions,
  StreamOptions,
} from './hub/hub-options.js';
export type {
  EventClass,
  EventTypeOf,
  HubEventOf,
  Plain,
  SelectEventsOptions,
} from './hub/event-class.js';
export type {
  AnyEventMap,
  EventMap,
  EventOf,
  TopicOf,
  TypeOf,
} from './hub/event-map.js';
export type {
  DisconnectCriteria,
  RefreshCriteria,
} from './hub/control-entry.js';
export { HubEvent } from './hub/hub-event.js';
export type { History } from './hub/history.js';
export type { HubHealth } from './hub/hub-health.js';
export {
  AuthorizationTimeoutException,
  EventTooLargeException,
  InvalidEventException,
  InvalidRevocationException,
  InvalidStreamException,
  StreamEndedException,
  TooManyTopicsException,
} from './hub/hub.exceptions.js';
export type { PresenceChange, PresenceState } from './hub/presence.js';
export type { DeliveryOptions, NewEvent } from './hub/publisher.js';
export type { Rewind } from './hub/rewind.js';
export { UnserializableDataException } from './hub/serialize.js';
export type {
  ConnectionInfo,
  JoinOptions,
  Reset,
  ResetReason,
} from './hub/stream-connection.js';
export { InvalidTopicException, topic } from './hub/topic.js';
export type { WindowOptions } from './hub/window.js';

export {
  InvalidTopicPolicyException,
  TopicForbiddenException,
} from './authorization/authorization.exceptions.js';
export { TopicPolicy } from './authorization/topic-policy.js';
export type { TopicAuthorizer } from './authorization/topic-policy.js';

export { Connection, LastEventId } from './connection/connection.decorator.js';
export {
  InvalidHookException,
  SecondStreamException,
  SseRouteException,
} from './connection/connection.exceptions.js';
export { InvalidFrameException } from './connection/frame.js';
export { OnSseConnect, OnSseDisconnect } from './connection/hooks.decorator.js';
export { SseConnection } from './connection/sse-connection.js';
export { Sse } from './connection/sse.decorator.js';

export {
  EventValidationException,
  InvalidListenerException,
  InvalidPublisherException,
} from './events/events.exceptions.js';
export { OnSseEvent } from './events/on-sse-event.decorator.js';
export type {
  OnSseEventOptions,
  OnSseEventsOptions,
} from './events/on-sse-event.decorator.js';
export type { PublishEventOptions, Published } from './events/publication.js';
export { PublishEvent } from './events/publish-event.decorator.js';
export { SseEvent } from './events/sse-event.decorator.js';
export type {
  EventClassFor,
  SseEventOptions,
} from './events/sse-event.decorator.js';

export type { Cursor } from './log/cursor.js';
export type {
  Audience,
  EventLog,
  LogBounds,
  LogCapabilities,
  LogEntry,
  LogGap,
  LogHealth,
  LogPage,
  LogPageLimit,
  LogRecord,
  RetentionOptions,
  TailBatch,
} from './log/event-log.js';
export { LogUnavailableException } from './log/log.exceptions.js';
export { MemoryLog } from './log/memory/memory-log.js';
export type { MemoryLogOptions } from './log/memory/memory-log.js';
