import { Length } from 'class-validator';

export class SignInDto {
  @Length(1, 64, { message: 'Enter your name' })
  name: string;

  @Length(1, 200, { message: 'Enter your password' })
  password: string;
}
