import { createRequire } from 'node:module';
import type { ValidatorNow } from '../../events/event-validator.js';
import { useClassTransformer } from '../../hub/serialize.js';

const require = createRequire(import.meta.url);

/**
 * What a hub on virtual time needs at once: there, a promise comes when the test is over.
 *
 * @returns class-validator, if it is installed
 */
export function optionalPeersNow(): ValidatorNow | undefined {
  const classTransformer = installed('class-transformer');
  if (classTransformer !== undefined) {
    useClassTransformer(
      classTransformer as Parameters<typeof useClassTransformer>[0],
    );
  }
  return installed('class-validator') as ValidatorNow | undefined;
}

function installed(name: string): unknown {
  try {
    return require(name) as unknown;
  } catch {
    return undefined;
  }
}
