import { useCallback, useEffect, useReducer, useRef } from 'react';
import type { Genre, Movie } from '../../src/movies/movie';
import { type Connection, type FeedEvent, MovieFeed } from './movie-feed';

export interface LoggedEvent extends FeedEvent {
  number: number;
  time: Date;
}

export interface MovieEventsState {
  connection: Connection;
  /** `undefined` until the list has been loaded for the first time. */
  movies?: Movie[];
  watching?: number;
  /** The newest first. */
  log: LoggedEvent[];
  /** The movie that the newest event was about. */
  news?: { movieId: number; event: number };
}

type Action =
  | { is: 'connection'; connection: Connection }
  | { is: 'movies'; movies: Movie[] }
  | { is: 'event'; event: FeedEvent }
  | { is: 'gone'; id: number };

const KEPT_EVENTS = 100;

/**
 * The movies of a genre (or all), current. Only the stream changes the list, also
 * after this page's own requests: their answers may come later than newer events.
 * But a movie that the server does not have any more is gone for good: `onGone`.
 */
export function useMovieEvents(genre?: Genre) {
  const [state, dispatch] = useReducer(reduce, {
    connection: { phase: 'connecting' },
    log: [],
  });
  const feed = useRef<MovieFeed>(null);

  useEffect(() => {
    const opened = new MovieFeed(genre, {
      onConnection: (connection) => dispatch({ is: 'connection', connection }),
      onMovies: (movies) => dispatch({ is: 'movies', movies }),
      onEvent: ({ type, data, lastEventId }) =>
        dispatch({ is: 'event', event: { type, data, lastEventId } }),
    });
    feed.current = opened;
    opened.open();
    return () => opened.close();
  }, [genre]);

  const retryNow = useCallback(() => feed.current?.retryNow(), []);
  const onGone = useCallback((id: number) => dispatch({ is: 'gone', id }), []);
  return { ...state, retryNow, onGone };
}

function reduce(state: MovieEventsState, action: Action): MovieEventsState {
  switch (action.is) {
    case 'connection':
      return { ...state, connection: action.connection };
    case 'movies':
      return { ...state, movies: action.movies };
    case 'event':
      return apply(logged(state, action.event), action.event);
    case 'gone':
      return without(state, action.id);
  }
}

function logged(state: MovieEventsState, event: FeedEvent): MovieEventsState {
  const number = (state.log[0]?.number ?? 0) + 1;
  const entry = { ...event, number, time: new Date() };
  return { ...state, log: [entry, ...state.log].slice(0, KEPT_EVENTS) };
}

function apply(state: MovieEventsState, event: FeedEvent): MovieEventsState {
  switch (event.type) {
    case 'watching':
      return { ...state, watching: JSON.parse(event.data).count };
    case 'movie.added':
    case 'movie.changed':
      return upsert(state, JSON.parse(event.data));
    case 'movie.removed':
      return without(state, JSON.parse(event.data).id);
    default:
      return state;
  }
}

// By id, because what came after the cursor may already be in the loaded list.
function upsert(state: MovieEventsState, movie: Movie): MovieEventsState {
  const movies = state.movies ?? [];
  const isKnown = movies.some(({ id }) => id === movie.id);
  return {
    ...state,
    news: { movieId: movie.id, event: state.log[0].number },
    movies: isKnown
      ? movies.map((known) => (known.id === movie.id ? movie : known))
      : [...movies, movie],
  };
}

function without(state: MovieEventsState, id: number): MovieEventsState {
  return { ...state, movies: state.movies?.filter((movie) => movie.id !== id) };
}
