import type { Genre, Movie } from '../../../src/movies/movie';
import type { Connection } from '../movie-feed';
import { EmptyList } from './empty-list';
import { MovieItem } from './movie-item';

interface Props {
  movies?: Movie[];
  genre?: Genre;
  news?: { movieId: number; event: number };
  connection: Connection;
  onRetry: () => void;
  onGone: (movieId: number) => void;
  onShowAll: () => void;
}

export function MovieList(props: Props) {
  const { movies, genre, news, connection, onRetry, onGone, onShowAll } = props;
  if (!movies) {
    return connection.phase === 'reconnecting' ? (
      <div className="card notice" role="alert">
        <h3>The movies could not be loaded</h3>
        <p>The server cannot be reached. This page keeps trying.</p>
        <button type="button" className="primary" onClick={onRetry}>
          Try now
        </button>
      </div>
    ) : (
      <Loading />
    );
  }
  if (movies.length === 0) {
    return <EmptyList genre={genre} onShowAll={onShowAll} />;
  }
  return (
    <ul className="movie-list">
      {movies.toReversed().map((movie) => (
        <MovieItem
          key={movie.id}
          movie={movie}
          onGone={() => onGone(movie.id)}
          news={news?.movieId === movie.id ? news.event : undefined}
        />
      ))}
    </ul>
  );
}

function Loading() {
  return (
    <div role="status">
      <span className="visually-hidden">Loading the movies…</span>
      <ul className="movie-list" aria-hidden="true">
        {[62, 45, 70, 38].map((width) => (
          <li key={width} className="movie card skeleton">
            <span style={{ width: `${width}%` }} />
            <span style={{ width: '28%' }} />
          </li>
        ))}
      </ul>
    </div>
  );
}
