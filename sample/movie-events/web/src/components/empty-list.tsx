import type { Genre } from '../../../src/movies/movie';

interface Props {
  genre?: Genre;
  onShowAll: () => void;
}

export function EmptyList({ genre, onShowAll }: Props) {
  if (genre) {
    return (
      <div className="card notice">
        <h3>No {genre} movies yet</h3>
        <p>One that is added anywhere appears here at once.</p>
        <button type="button" onClick={onShowAll}>
          Show all genres
        </button>
      </div>
    );
  }
  return (
    <div className="card notice">
      <h3>No movies yet</h3>
      <p>Add the first one with the form, or from a terminal:</p>
      <pre>
        {`curl -X POST ${location.origin}/movie \\
  -H 'Content-Type: application/json' \\
  -d '{"title":"Alien","year":1979,"genre":"horror"}'`}
      </pre>
    </div>
  );
}
