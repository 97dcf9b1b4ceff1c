import { useState } from 'react';
import type { Genre } from '../../src/movies/movie';
import { AddMovie } from './components/add-movie';
import { ConnectionState } from './components/connection-state';
import { EventLog } from './components/event-log';
import { GenreFilter } from './components/genre-filter';
import { MovieList } from './components/movie-list';
import { Watching } from './components/watching';
import { useMovieEvents } from './use-movie-events';

export function App() {
  const [genre, setGenre] = useState<Genre>();
  const { connection, movies, watching, log, news, retryNow, onGone } =
    useMovieEvents(genre);
  const isLive = connection.phase === 'live';
  // Until the list of a newly chosen genre is there, the one at hand serves.
  const shown = movies?.filter((movie) => !genre || movie.genre === genre);

  return (
    <>
      <header className="top">
        <div className="top-inner">
          <h1>
            <img src="/favicon.svg" alt="" width="28" height="28" />
            Movie events
          </h1>
          <Watching count={isLive ? watching : undefined} />
          <ConnectionState connection={connection} onRetry={retryNow} />
        </div>
      </header>
      <main className="columns">
        <AddMovie isLive={isLive} />
        <section className="movies" aria-labelledby="movies-title">
          <div className="section-head">
            <h2 id="movies-title">
              Movies {shown && <span className="count">{shown.length}</span>}
            </h2>
            <GenreFilter genre={genre} onChange={setGenre} />
          </div>
          <MovieList
            movies={shown}
            genre={genre}
            news={news}
            connection={connection}
            onRetry={retryNow}
            onGone={onGone}
            onShowAll={() => setGenre(undefined)}
          />
          <EventLog log={log} />
        </section>
      </main>
    </>
  );
}
