import { Controller, Get, Inject } from '@nestjs/common';

export const STREAMS_PORT = Symbol('STREAMS_PORT');

@Controller('config')
export class ConfigController {
  constructor(@Inject(STREAMS_PORT) private readonly streamsPort: number) {}

  /** The page adds its own host name. */
  @Get()
  config(): { streamsPort: number } {
    return { streamsPort: this.streamsPort };
  }
}
