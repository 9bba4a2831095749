import { answer, fine, get, type WireCase } from '../wire-case.ts'

export const cookies: readonly WireCase[] = [
  { name: 'one Cookie field', request: get('/v1/orders', 'Cookie: a=1; b=2; session="q=w=="'), answer: fine },
  { name: 'two Cookie fields', request: get('/v1/orders', 'Cookie: a=1; b=2', 'Cookie: c=3'), answer: fine },
  {
    name: 'two Cookie fields in latin1',
    request: get('/v1/orders', 'Cookie: a=M\xfcller', 'Cookie: c=3'),
    answer: fine,
  },
  {
    name: 'cookies of odd values',
    request: get('/v1/orders', 'Cookie: a="x, y"; b=1,2; c; =d; e=f=g; h=%zz; i=M\xfcller;;j='),
    answer: fine,
  },
  {
    name: 'our own cookies among others',
    request: get('/v1/orders', 'Cookie: a="1;2"; tidegate-force=cloud.1.k1.x;b=M\xfcller; tidegate-sticky=s.1.k1.x'),
    answer: fine,
  },
  { name: 'an empty Cookie field', request: get('/v1/orders', 'Cookie:'), answer: fine },
  { name: 'a Cookie field of 7 KB', request: get('/v1/orders', `Cookie: big=${'c'.repeat(7_000)}; b=2`), answer: fine },
  {
    name: 'several Set-Cookie, one with a comma',
    request: get('/v1/orders'),
    answer: answer(
      '200 OK',
      '',
      'Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
      'Set-Cookie: b=2',
      'Set-Cookie: a=3',
      'set-cookie: c=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned',
    ),
  },
  {
    name: 'sixty Set-Cookie',
    request: get('/v1/orders'),
    answer: answer('200 OK', '', ...Array.from({ length: 60 }, (_, at) => `Set-Cookie: c${at}=${at}; Path=/${at}`)),
  },
  {
    name: 'Set-Cookie on a redirect',
    request: get('/v1/orders'),
    answer: answer('302 Found', '', 'Set-Cookie: in=1', 'Set-Cookie: out=', 'Location: /v1/orders/1'),
  },
]
