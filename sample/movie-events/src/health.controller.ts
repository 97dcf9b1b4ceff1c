import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';

@Controller('health')
export class HealthController {
  constructor(private readonly hub: EventHub) {}

  /** For who watches over the app. A load balancer needs no more than an open port. */
  @Get()
  check() {
    const health = this.hub.health();
    if (health.status === 'down') {
      throw new ServiceUnavailableException(health);
    }
    return health;
  }
}
