import {
  BadRequestException,
  Injectable,
  type PipeTransform,
} from '@nestjs/common';

@Injectable()
export class UserIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!/^[\w.@-]{1,64}$/.test(id)) {
      throw new BadRequestException(
        'A user id has 1 to 64 letters, digits or any of _ . @ -',
      );
    }
    return id;
  }
}
