export const GENRES = [
  'action',
  'adventure',
  'animation',
  'comedy',
  'crime',
  'documentary',
  'drama',
  'fantasy',
  'horror',
  'romance',
  'science-fiction',
  'thriller',
  'western',
] as const;

export type Genre = (typeof GENRES)[number];

export interface Movie {
  id: number;
  title: string;
  year: number;
  genre: Genre;
}

export type MovieDraft = Omit<Movie, 'id'>;

/** What is published on the topic `movies`: each type with its data. */
export interface MovieEvents {
  'movie.added': Movie;
  'movie.changed': Movie & { previousGenre: Genre };
  'movie.removed': Movie;
}

export type MovieEvent = {
  [Type in keyof MovieEvents]: { type: Type; data: MovieEvents[Type] };
}[keyof MovieEvents];

export function isSame(movie: MovieDraft, draft: MovieDraft): boolean {
  return (
    movie.title === draft.title &&
    movie.year === draft.year &&
    movie.genre === draft.genre
  );
}
