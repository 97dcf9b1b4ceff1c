import type { User } from './user.js';

/**
 * Whom the app knows. The passwords are in the README; only their hashes are
 * here, as they would be in a database.
 */
export const DEMO_USERS: readonly (User & { passwordHash: string })[] = [
  {
    id: 'ada',
    name: 'Ada',
    roles: ['editor'],
    passwordHash:
      'scrypt$16384$8$5$7qQsMdBOKIDeNvITktgAPA$epk5S97wcpDafaqE701zKZSWd-AsfRpQyv8X-nfHgEA',
  },
  {
    id: 'ben',
    name: 'Ben',
    roles: [],
    passwordHash:
      'scrypt$16384$8$5$7t3ULqklKivdgW61sYILMg$Blqqfko0GWgnRoJ_KbtarkLZF6tWCk3vCHQ1cEPRT4I',
  },
  {
    id: 'admin',
    name: 'Admin',
    roles: ['admin'],
    passwordHash:
      'scrypt$16384$8$5$o8Kb4BduEZQI3wrQka-BGg$KuT8iIgeI9HZ39aFwMC2PBRDnh60Xo77nAmy28M20Jo',
  },
];
