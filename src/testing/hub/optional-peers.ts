import { createRequire } from 'node:module';
import type { ClassValidator } from '../../events/class-validator.js';
import { useClassTransformer } from '../../hub/serialize.js';

const require = createRequire(import.meta.url);

/**
 * What a hub on virtual time needs at once: there, a promise comes when the test is over.
 *
 * @returns class-validator, if it is installed
 */
export function optionalPeersNow(): ClassValidator | undefined {
  const classTransformer = installed('class-transformer');
  if (classTransformer !== undefined) {
    useClassTransformer(
      classTransformer as Parameters<typeof useClassTransformer>[0],
    );
  }
  return installed('class-validator') as ClassValidator | undefined;
}

function installed(name: string): unknown {
  try {
    return require(name) as unknown;
  } catch {
    return undefined;
  }
}
