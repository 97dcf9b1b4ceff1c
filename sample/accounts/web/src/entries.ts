/** What a list shows: a notification or a note. */
export interface Entry {
  id: string;
  from: string;
  text: string;
  at: string;
}

export interface Entries {
  /** `undefined` until they have been loaded for the first time; the newest last. */
  list?: readonly Entry[];
  /** The id of the one that has just come. */
  news?: string;
}

export type EntriesAction =
  { is: 'loaded'; list: readonly Entry[] } | { is: 'new'; entry: Entry };

export function reduceEntries(state: Entries, action: EntriesAction): Entries {
  if (action.is === 'loaded') {
    return { list: action.list };
  }
  const { entry } = action;
  // By id, because what came after the cursor may already be in the loaded list.
  const others = (state.list ?? []).filter(({ id }) => id !== entry.id);
  return { list: [...others, entry], news: entry.id };
}
