import { type FormEvent, useState } from 'react';
import type { Movie } from '../../../src/movies/movie';
import { type Draft, Refusal, changeMovie } from '../api';
import { MovieFields } from './movie-fields';

interface Props {
  movie: Movie;
  onDone: () => void;
}

export function EditMovie({ movie, onDone }: Props) {
  const [draft, setDraft] = useState<Draft>({
    title: movie.title,
    year: movie.year,
    genre: movie.genre,
  });
  const [error, setError] = useState<Error>();
  const [isSaving, setIsSaving] = useState(false);

  const save = async (event: FormEvent) => {
    event.preventDefault();
    setIsSaving(true);
    try {
      await changeMovie(movie.id, draft);
      onDone();
    } catch (reason) {
      setError(reason as Error);
      setIsSaving(false);
    }
  };

  return (
    <form
      className="edit-movie"
      aria-label={`Edit ${movie.title}`}
      onSubmit={save}
      onKeyDown={({ key }) => key === 'Escape' && onDone()}
      noValidate
    >
      <MovieFields
        draft={draft}
        onChange={setDraft}
        disabled={isSaving}
        autoFocus
        errors={error instanceof Refusal ? error.fields : undefined}
      />
      <p className="form-state" role="status" data-phase="refused">
        {error?.message}
      </p>
      <div className="buttons">
        <button type="submit" className="primary" disabled={isSaving}>
          {isSaving ? 'Saving…' : 'Save'}
        </button>
        <button type="button" onClick={onDone}>
          Cancel
        </button>
      </div>
    </form>
  );
}
