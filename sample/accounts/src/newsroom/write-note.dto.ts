import { Transform } from 'class-transformer';
import { Length } from 'class-validator';

export class WriteNoteDto {
  @Length(1, 280, { message: 'Write 1 to 280 characters' })
  @Transform(({ value }) => (typeof value === 'string' ? value.trim() : value))
  text: string;
}
