import { Logger } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';

type Id = string | number | bigint;

/** Where Passport and most guards put the user. */
export function requestUser(context: ExecutionContext): unknown {
  return context.switchToHttp().getRequest<{ user?: unknown }>().user;
}

/**
 * Reads a user's id where most applications have it. A user whose id lies elsewhere would
 * silently get nothing that is for `users`, so that is warned of, once.
 */
export function userIdReader(): (user: any) => Id | undefined {
  const warn = warnOnce();
  return (user: { id?: unknown; userId?: unknown; sub?: unknown }) => {
    const id = [user.id, user.userId, user.sub].find(isId);
    if (id === undefined) {
      warn(
        `A user has no id: ${describeUser(user)} has no "id", "userId" or "sub" that is a string or a number. Events for \`users\`, hub.disconnect({ user }), limits.connectionsPerUser and presence pass such users over. Give SseModule.forRoot() the option \`userId\`: (user) => user.… , or () => undefined if that is meant.`,
      );
    }
    return id;
  };
}

/**
 * Reads a user's roles where most applications have them. None is fine; what is there and no list
 * of names would silently count as none, so that is warned of, once.
 */
export function rolesReader(): (user: any) => readonly string[] | undefined {
  const warn = warnOnce();
  return ({ roles }: { roles?: unknown }) => {
    if (roles === undefined || roles === null) {
      return undefined;
    }
    const names: readonly unknown[] = Array.isArray(roles) ? roles : [];
    const known = names.filter(isId) as string[];
    if (!Array.isArray(roles) || known.length < names.length) {
      warn(
        `The roles of a user are ${describeRoles(roles)}, not an array of strings. What is no string counts as no role, so events for \`roles\` do not reach such a user. Give SseModule.forRoot() the option \`roles\`: (user) => user.roles.map((role) => role.name), or () => undefined if these are not meant.`,
      );
    }
    return known;
  };
}

function isId(candidate: unknown): candidate is Id {
  return ['string', 'number', 'bigint'].includes(typeof candidate);
}

/** Names, never values: a user object may hold secrets. */
function describeUser(user: unknown): string {
  return typeof user === 'object' && user !== null
    ? `an object with ${Object.keys(user).slice(0, 10).join(', ') || 'no fields'}`
    : kindOf(user);
}

function describeRoles(roles: unknown): string {
  return Array.isArray(roles)
    ? `an array with ${kindOf(roles.find((role) => !isId(role)))} in it`
    : kindOf(roles);
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) {
    return String(value);
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function warnOnce(): (message: string) => void {
  const logger = new Logger('SseModule');
  let isSaid = false;
  return (message) => {
    if (!isSaid) {
      isSaid = true;
      logger.warn(`${message} (Said once.)`);
    }
  };
}
