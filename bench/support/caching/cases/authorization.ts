/** AU1..AU3: answers to requests with credentials. */
import { askedAgain, asks, type Case, differs, fill, hit, reused, testCase } from '../case.ts'

const basic = (name: string) => [`Authorization: Basic ${Buffer.from(`${name}:secret`).toString('base64')}`]
const token = (name: string) => [`Authorization: Bearer token-of-${name}`]

const cases: Case[] = [
  ...['max-age=60', 'max-age=60, proxy-revalidate', 'max-age=60, immutable'].map((said) =>
    askedAgain('AU1', `${said} is no permission`, [`Cache-Control: ${said}`], {
      send: basic('anna'),
      again: basic('ben'),
    }),
  ),
  askedAgain('AU1', 'Expires is no permission', ['Expires: {now+60}'], { send: basic('anna'), again: basic('ben') }),
  askedAgain('AU1', 'an invalid s-maxage is no permission', ['Cache-Control: max-age=60, s-maxage=abc'], {
    send: basic('anna'),
    again: basic('ben'),
  }),
  askedAgain('AU1', 'what came to one with credentials does not go to one without', ['Cache-Control: max-age=60'], {
    send: basic('anna'),
    again: [],
  }),
  askedAgain('AU1', 'a guess is no permission', ['Last-Modified: {now-90000}'], {
    send: basic('anna'),
    again: basic('ben'),
  }),
  ...['public, max-age=60', 's-maxage=60', 'max-age=60, must-revalidate'].map((said) =>
    reused('AU1', `${said} is permission`, [`Cache-Control: ${said}`], { send: basic('anna'), again: basic('ben') }),
  ),
  reused('AU1', 'permission is for those without credentials, too', ['Cache-Control: public, max-age=60'], {
    send: basic('anna'),
    again: [],
    ours: true,
  }),
  reused('AU1', 'permission of the targeted field counts', ['CDN-Cache-Control: public, max-age=60'], {
    send: basic('anna'),
    again: basic('ben'),
    ours: true,
  }),
  askedAgain(
    'AU1',
    'permission of a field that does not govern does not count',
    ['CDN-Cache-Control: max-age=60', 'Cache-Control: public, max-age=60'],
    { send: basic('anna'), again: basic('ben'), ours: true },
  ),
  askedAgain('AU1', 'private beats the permission', ['Cache-Control: private, must-revalidate, max-age=60'], {
    send: basic('anna'),
    again: basic('ben'),
  }),
  askedAgain(
    'AU1',
    'a token that the gateway took is a credential, though the service saw none',
    ['Cache-Control: max-age=60'],
    {
      route: 'shared',
      send: token('anna'),
      again: token('ben'),
      ours: true,
    },
  ),
  reused('AU1', 'an answer that is public goes to every holder of a token', ['Cache-Control: public, max-age=60'], {
    route: 'shared',
    send: token('anna'),
    again: token('ben'),
    ours: true,
  }),
  askedAgain('AU1', 'per consumer without a time of the route is no permission', ['Cache-Control: max-age=60'], {
    route: 'consumer-silent',
    send: token('anna'),
    ours: true,
  }),
  askedAgain('AU1', 'negative answers to one with credentials are his', [], {
    route: 'negative',
    send: basic('anna'),
    again: basic('ben'),
    reply: { status: 404 },
    ours: true,
  }),
  testCase('AU1', 'an answer to one with credentials does not replace the one that all may have', [
    fill(['Cache-Control: max-age=60', 'Vary: Authorization']),
    asks({ send: basic('anna'), reply: { headers: ['Cache-Control: max-age=60', 'Vary: Authorization'] } }),
    hit(),
    asks({ send: basic('anna') }),
  ]),
  testCase(
    'AU1',
    'a hit needs a valid token all the same',
    [
      fill(['Cache-Control: public, max-age=60'], { send: token('anna') }),
      { send: token('nobody'), want: { asked: 0, status: 401 } },
      hit({ send: token('ben') }),
    ],
    { route: 'shared', ours: true },
  ),
  differs(
    'cookie',
    reused('AU1', 'a cookie is no credential to the letter of the RFC', ['Cache-Control: max-age=60'], {
      send: ['Cookie: session=anna'],
      again: ['Cookie: session=ben'],
      ours: true,
    }),
    asks({ send: ['Cookie: session=ben'] }),
  ),
  reused('AU1', 'an answer that is public may be shared by those with cookies', ['Cache-Control: public, max-age=60'], {
    send: ['Cookie: session=anna'],
    again: ['Cookie: session=ben'],
    ours: true,
  }),
  reused('AU1', 'cookies that the route calls irrelevant are', ['Cache-Control: max-age=60'], {
    route: 'ignore-cookies',
    send: ['Cookie: session=anna'],
    again: ['Cookie: session=ben'],
    ours: true,
  }),
]

const own: Case[] = [
  differs(
    'authorization',
    askedAgain('AU2', 'a consumer has answers of its own where the route says for how long', [], {
      route: 'consumer',
      send: token('anna'),
      ours: true,
    }),
    hit({ send: token('anna') }),
  ),
  differs(
    'authorization',
    askedAgain(
      'AU2',
      'a consumer has answers of its own for as long as the service says',
      ['Cache-Control: max-age=60'],
      {
        route: 'consumer',
        send: token('anna'),
        ours: true,
      },
    ),
    hit({ send: token('anna') }),
  ),
  askedAgain('AU2', 'what is one consumer’s is no other’s', [], {
    route: 'consumer',
    send: token('anna'),
    again: token('ben'),
    ours: true,
  }),
  ...['private', 'no-store'].map((word) =>
    askedAgain('AU2', `${word} wins over the route`, [`Cache-Control: ${word}`], {
      route: 'consumer',
      send: token('anna'),
      ours: true,
    }),
  ),
]

const trap: Case[] = [
  testCase('AU3', 'three clients with credentials of their own get three answers', [
    fill(['Cache-Control: max-age=60', 'ETag: "a"'], { send: basic('anna') }),
    asks({ send: basic('ben'), reply: { headers: ['Cache-Control: max-age=60', 'ETag: "b"'] } }),
    asks({ send: basic('carl'), reply: { headers: ['Cache-Control: max-age=60', 'ETag: "c"'] } }),
    asks({ send: basic('anna'), want: { sent: { 'if-none-match': null } } }),
  ]),
  testCase('AU3', 'clients who come together get answers of their own', [
    fill(['Cache-Control: max-age=60'], { send: basic('anna'), times: 4, reply: { delayMs: 200 }, want: { asked: 4 } }),
    asks({ send: basic('ben') }),
  ]),
]

export const authorization = [...cases, ...own, ...trap]
