import { Logger } from '@nestjs/common';
import { startSite, startStreams } from './start.js';

const port = Number(process.env.PORT ?? 3000);
const streamsPort = Number(process.env.STREAMS_PORT ?? port + 1);

await startStreams(streamsPort, [
  `http://localhost:${port}`,
  `http://127.0.0.1:${port}`,
]);
await startSite(port, streamsPort);
new Logger('Ticker').log(`Open http://localhost:${port}`);
