import { useState } from 'react';
import type { Movie } from '../../../src/movies/movie';
import { removeMovie } from '../api';
import { Icon } from './icon';

const BIN = 'M5 7h14M10 7V4.5h4V7m-7.5 0 .8 12.5h9.4L17.5 7M10.5 11v5m3-5v5';

interface Props {
  movie: Movie;
  /** The server does not have it any more, whoever has deleted it. */
  onGone: () => void;
}

/** Asks once more before it deletes. */
export function DeleteMovie({ movie, onGone }: Props) {
  const [phase, setPhase] = useState<'idle' | 'asking' | 'removing' | 'kept'>(
    'idle',
  );
  const [error, setError] = useState<string>();

  const remove = async () => {
    setPhase('removing');
    setError(undefined);
    try {
      await removeMovie(movie.id);
      onGone();
    } catch (reason) {
      setError((reason as Error).message);
      setPhase('asking');
    }
  };

  if (phase === 'idle' || phase === 'kept') {
    return (
      <button
        type="button"
        className="icon"
        aria-label={`Delete ${movie.title}`}
        autoFocus={phase === 'kept'}
        onClick={() => setPhase('asking')}
      >
        <Icon path={BIN} />
      </button>
    );
  }
  return (
    <>
      <button
        type="button"
        className="danger"
        autoFocus
        disabled={phase === 'removing'}
        onClick={remove}
      >
        {phase === 'removing' ? 'Deleting…' : 'Delete it'}
      </button>
      <button type="button" onClick={() => setPhase('kept')}>
        Keep
      </button>
      {error && (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
    </>
  );
}
