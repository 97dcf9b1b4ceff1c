/** How streams are authorized; every field is resolved. */
export interface AuthorizationOptions {
  readonly unlistedTopics: 'allow' | 'deny';
  readonly authorizationTimeout: number;
}

/** Injection token of the `AuthorizationOptions`. */
export const AUTHORIZATION_OPTIONS = Symbol('AUTHORIZATION_OPTIONS');
