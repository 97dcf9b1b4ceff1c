import { GENRES, type Genre } from '../../../src/movies/movie';

interface Props {
  genre?: Genre;
  onChange: (genre?: Genre) => void;
}

export function GenreFilter({ genre, onChange }: Props) {
  return (
    <label className="genre-filter">
      Genre
      <select
        value={genre ?? ''}
        onChange={(event) => {
          onChange((event.target.value || undefined) as Genre | undefined);
        }}
      >
        <option value="">All</option>
        {GENRES.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
