import { PartialType } from '@nestjs/mapped-types';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, Length, Matches, Max, Min } from 'class-validator';
import { GENRES, type Genre } from './movie.js';

const FIRST_FILM = 1888;
const LAST_ANNOUNCED = new Date().getFullYear() + 10;

export class AddMovieDto {
  @Matches(/^[^\p{Cc}\p{Cs}]*$/u, {
    message: 'title must not have control characters',
  })
  @Length(1, 200, { message: 'title must be a text of 1 to 200 characters' })
  @Transform(({ value }) => (typeof value === 'string' ? value.trim() : value))
  title: string;

  @Max(LAST_ANNOUNCED, { message: `year must be ${LAST_ANNOUNCED} or earlier` })
  @Min(FIRST_FILM, { message: `year must be ${FIRST_FILM} or later` })
  @IsInt({ message: 'year must be a whole number' })
  year: number;

  @IsIn(GENRES, { message: `genre must be one of: ${GENRES.join(', ')}` })
  genre: Genre;
}

// Without `skipNullProperties: false` an explicit null would pass unchecked.
export class ChangeMovieDto extends PartialType(AddMovieDto, {
  skipNullProperties: false,
}) {}
