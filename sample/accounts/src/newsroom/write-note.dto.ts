import { Transform } from 'class-transformer';
import { IsOptional, Length, Matches } from 'class-validator';

export class WriteNoteDto {
  @Length(1, 280, { message: 'Write 1 to 280 characters' })
  @Transform(({ value }) => (typeof value === 'string' ? value.trim() : value))
  text: string;

  /** What makes a retry safe: the same in every attempt. */
  @IsOptional()
  @Matches(/^[\w-]{1,64}$/, {
    message: 'id must have 1 to 64 letters, digits or any of _ -',
  })
  id?: string | null;
}
