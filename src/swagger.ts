export { ApiSse } from './openapi/api-sse.decorator.js';
