import { useState } from 'react';
import type { Movie } from '../../../src/movies/movie';
import { DeleteMovie } from './delete-movie';
import { EditMovie } from './edit-movie';
import { Icon } from './icon';

interface Props {
  movie: Movie;
  /** The number of the newest event, if it was about this movie. */
  news?: number;
  onGone: () => void;
}

export function MovieItem({ movie, news, onGone }: Props) {
  const [mode, setMode] = useState<'shown' | 'editing' | 'edited'>('shown');

  if (mode === 'editing') {
    return (
      <li className="movie card">
        <EditMovie movie={movie} onDone={() => setMode('edited')} />
      </li>
    );
  }
  return (
    <li className="movie card">
      {/* The key restarts the animation for each event. */}
      {news && <span key={news} className="flash" />}
      <div className="movie-row">
        <div className="movie-text">
          <h3>{movie.title}</h3>
          <p>
            {movie.year} <span className="genre">{movie.genre}</span>
          </p>
        </div>
        <div className="buttons">
          <button
            type="button"
            className="icon"
            aria-label={`Edit ${movie.title}`}
            autoFocus={mode === 'edited'}
            onClick={() => setMode('editing')}
          >
            <Icon path="M4 20h4L19 9l-4-4L4 16v4Zm9-13 4 4" />
          </button>
          <DeleteMovie movie={movie} onGone={onGone} />
        </div>
      </div>
    </li>
  );
}
