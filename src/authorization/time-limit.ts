import { AuthorizationTimeoutException } from '../hub/hub.exceptions.js';

/**
 * An answer, if it comes in time.
 *
 * @param limit in milliseconds
 * @param question as the exception names it
 * @throws AuthorizationTimeoutException
 */
export async function withinLimit<Answer>(
  answer: Promise<Answer>,
  limit: number,
  question: string,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new AuthorizationTimeoutException(
            `${question} was not answered within authorizationTimeout (${limit} ms).`,
          ),
        ),
      limit,
    );
    // A question that nobody waits for any more need not keep the process.
    timer.unref();
  });
  try {
    return await Promise.race([answer, expired]);
  } finally {
    clearTimeout(timer);
  }
}
