import { ChatApp, FORM, JSON_TYPE } from './chat.app.js';

describe('what the chat refuses', () => {
  let app: ChatApp;

  beforeAll(async () => {
    app = await ChatApp.create();
  });

  afterAll(() => app.dispose());

  it.each([
    ['what it may not hold', 'a%20b'],
    ['more than 64 characters', 'a'.repeat(65)],
    ['the id of a guest', 'amber-otter~0123'],
    ['two ids', 'a&id=b'],
  ])('refuses %s', async (_, id) => {
    const response = await app.send('GET', `/messages?id=${id}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      message: 'id must have 1 to 64 letters, digits or any of _ . @ -',
    });
  });

  const REASON = ['message must be a text of 1 to 1000 characters'];

  it.each([
    ['nothing', '{}', JSON_TYPE, REASON],
    ['no body', '', undefined, REASON],
    ['an empty message', '{"message":""}', JSON_TYPE, REASON],
    ['white space', '{"message":" \\n\\t "}', JSON_TYPE, REASON],
    ['an empty form', 'message=', FORM, REASON],
    ['a number', '{"message":5}', JSON_TYPE, REASON],
    ['null', '{"message":null}', JSON_TYPE, REASON],
    ['an array', '[{"message":"Hi"}]', JSON_TYPE, REASON],
    ['1001 characters', `message=${'x'.repeat(1_001)}`, FORM, REASON],
    ['half of a JSON text', '{"message":', JSON_TYPE, expect.any(String)],
    [
      'half of one in a form',
      '{"message":',
      FORM,
      'The body is neither JSON nor a form',
    ],
    [
      'an id that is none',
      '{"message":"Hi","id":"a b"}',
      JSON_TYPE,
      ['id must have 1 to 64 letters, digits or any of _ -'],
    ],
  ])('answers 400 to %s, and why', async (_, body, type, message) => {
    const response = await app.post(body, type);
    expect(await response.json()).toMatchObject({ statusCode: 400, message });
    expect(response.status).toBe(400);
    expect(await app.history()).toEqual([]);
  });

  it.each([JSON_TYPE, FORM])('answers 413 to far too much %s', async (type) => {
    const body = JSON.stringify({ message: 'x'.repeat(20_000) });
    expect((await app.post(body, type)).status).toBe(413);
  });

  it('answers 400 to who is nobody', async () => {
    const response = await app.post('message=Hi', FORM, '/message');
    expect(response.status).toBe(400);
    expect((await response.json()).message).toContain('Who are you?');
    expect(await app.history()).toEqual([]);
  });

  it.each(['/messages', '/messages?id=1234', '/chat'])(
    'shows the page to who opens %s in the address bar',
    async (path) => {
      const response = await fetch(app.url + path, {
        redirect: 'manual',
        headers: { accept: 'text/html,*/*;q=0.8' },
      });
      expect(response.status).toBe(303);
      expect(response.headers.get('location')).toBe('/');
      const page = await fetch(app.url + path, {
        headers: { accept: 'text/html,*/*;q=0.8' },
      });
      expect(await page.text()).toContain('<title>Chat</title>');
    },
  );
});
