/**
 * Waits for an answer, but not for ever.
 *
 * @param milliseconds how long at most
 * @throws what `ask` throws, or that it took too long
 */
export async function within<Answer>(
  milliseconds: number,
  ask: () => Answer | Promise<Answer>,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`No answer within ${milliseconds} ms`)),
      milliseconds,
    ).unref();
  });
  try {
    return await Promise.race([ask(), late]);
  } finally {
    clearTimeout(timer);
  }
}
