/** The child's side of {@link RemoteProcess}: the calls that it answers. */
export type Calls = Record<string, (argument: any) => unknown>;

interface Call {
  id: number;
  name: string;
  argument: unknown;
}

/** Answers the parent's calls and tells it that this process is ready. */
export function answerCalls(calls: Calls, ready: unknown = {}): void {
  process.on('message', (call: Call) => void answer(calls, call));
  // A child never outlives the run, however that ends.
  process.on('disconnect', () => process.exit());
  process.send!({ ready });
}

async function answer(
  calls: Calls,
  { id, name, argument }: Call,
): Promise<void> {
  try {
    process.send!({ id, result: await calls[name](argument) });
  } catch (error) {
    process.send!({
      id,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
