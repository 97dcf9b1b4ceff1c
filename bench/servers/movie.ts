/** What the load client posts: about 200 bytes of JSON. */
export interface Movie {
  title: string;
  year: number;
  genre: string;
  overview: string;
  /** Every connection gets these in order, without a gap: that is how the load client notices a lost event. */
  number: number;
}

/** The type of all events in the bench. */
export const MOVIE_ADDED = 'movie.added';

/** One posted movie as `count` movies with numbers that follow each other. */
export function movies(movie: Movie, count: number): Movie[] {
  return Array.from({ length: count }, (_, index) => ({
    ...movie,
    number: movie.number + index,
  }));
}
