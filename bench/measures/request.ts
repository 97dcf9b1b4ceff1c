import { once } from 'node:events';
import { request as send, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';

/** A request of the bench itself, over a connection that is gone afterwards: open ones are counted. */
export async function request<Answer>(
  port: number,
  method: string,
  path: string,
  body?: object,
): Promise<Answer> {
  const sent = send({
    host: '127.0.0.1',
    port,
    method,
    path,
    agent: false,
    headers: { 'Content-Type': 'application/json', Connection: 'close' },
  });
  sent.end(body && JSON.stringify(body));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const closed = once(response, 'close');
  if (response.statusCode! >= 300) {
    throw new Error(`${method} ${path} answered ${response.statusCode}`);
  }
  const answer = (await json(response)) as Answer;
  await closed;
  return answer;
}
