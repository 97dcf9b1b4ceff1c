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

export function movieNumbered(number: number): Movie {
  return {
    title: 'The Cabinet of Dr. Caligari',
    year: 1920,
    genre: 'horror',
    overview:
      'A hypnotist uses a somnambulist to commit murders in a town at the foot of a hill.',
    number,
  };
}

/** One posted movie as `count` movies with numbers that follow each other. */
export function movies(movie: Movie, count: number): Movie[] {
  return Array.from({ length: count }, (_, index) => ({
    ...movie,
    number: movie.number + index,
  }));
}
