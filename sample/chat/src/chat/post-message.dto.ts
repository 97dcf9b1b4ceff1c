import { Transform } from 'class-transformer';
import { IsOptional, Length, Matches } from 'class-validator';

export class PostMessageDto {
  @Length(1, 1_000, {
    message: 'message must be a text of 1 to 1000 characters',
  })
  @Transform(({ value }) => (typeof value === 'string' ? value.trim() : value))
  message: string;

  /** What makes a retry safe: the same in every attempt. */
  @IsOptional()
  @Matches(/^[\w-]{1,64}$/, {
    message: 'id must have 1 to 64 letters, digits or any of _ -',
  })
  id?: string | null;
}
