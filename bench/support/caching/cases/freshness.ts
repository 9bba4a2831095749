/** F1..F6: for how long an answer is fresh. */
import { askedAgain, asks, type Case, differs, fill, hit, reused, testCase, validated } from '../case.ts'

const sources: Case[] = [
  reused('F1', 'max-age', ['Cache-Control: max-age=60']),
  reused('F1', 's-maxage', ['Cache-Control: s-maxage=60']),
  reused('F1', 'Expires', ['Expires: {now+60}']),
  askedAgain('F1', 'max-age=0', ['Cache-Control: max-age=0']),
  askedAgain('F1', 's-maxage=0', ['Cache-Control: s-maxage=0']),
  reused('F1', 's-maxage before max-age, when it is longer', ['Cache-Control: max-age=0, s-maxage=60']),
  askedAgain('F1', 's-maxage before max-age, when it is shorter', ['Cache-Control: max-age=60, s-maxage=0']),
  askedAgain('F1', 's-maxage before max-age, in the other order', ['Cache-Control: s-maxage=0, max-age=60']),
  reused('F1', 's-maxage before max-age, on another line', ['Cache-Control: max-age=0', 'Cache-Control: s-maxage=60']),
  reused('F1', 'max-age before an Expires that is past', ['Cache-Control: max-age=60', 'Expires: {now-60}']),
  askedAgain('F1', 'max-age before an Expires that is far', ['Cache-Control: max-age=0', 'Expires: {now+60}']),
  reused('F1', 's-maxage before an Expires that is past', ['Cache-Control: s-maxage=60', 'Expires: {now-60}']),
  reused('F1', 'max-age before an invalid Expires', ['Cache-Control: max-age=60', 'Expires: 0']),
  askedAgain('F1', 'max-age before a guess', ['Cache-Control: max-age=0', 'Last-Modified: {now-900000}']),
  reused('F1', 'a targeted field before s-maxage', ['CDN-Cache-Control: max-age=60', 'Cache-Control: s-maxage=0'], {
    ours: true,
  }),
  askedAgain(
    'F1',
    'a targeted field before s-maxage, when it is shorter',
    ['CDN-Cache-Control: max-age=0', 'Cache-Control: s-maxage=60'],
    {
      ours: true,
    },
  ),
  differs(
    'operator',
    askedAgain('F1', 'the time of the route, when nothing else says one', [], { route: 'ttl' }),
    hit(),
  ),
  differs(
    'operator',
    askedAgain('F1', 'the time of the route before a guess', ['Last-Modified: {now-60}', 'Age: 40'], { route: 'ttl' }),
    hit({ want: { says: /ttl=(1\d|20)$/ } }),
  ),
  askedAgain('F1', 'the time of the route does not replace a max-age', ['Cache-Control: max-age=0'], { route: 'ttl' }),
  askedAgain('F1', 'the time of the route does not replace an invalid max-age', ['Cache-Control: max-age=abc'], {
    route: 'ttl',
    ours: true,
  }),
  askedAgain('F1', 'the time of the route does not replace Expires', ['Expires: {now-60}'], { route: 'ttl' }),
  differs(
    'operator',
    askedAgain('F1', 'a route that overrides replaces max-age', ['Cache-Control: max-age=0'], { route: 'override' }),
    hit(),
  ),
  differs(
    'operator',
    askedAgain('F1', 'a route that overrides replaces Expires', ['Expires: {now-60}'], { route: 'override' }),
    hit(),
  ),
]

const expires: Case[] = [
  reused('F2', 'Expires counts from Date', ['Date: {now-10}', 'Expires: {now+30}']),
  askedAgain('F2', 'Expires before Date', ['Expires: {now-60}']),
  askedAgain('F2', 'Expires equal to Date', ['Date: {now}', 'Expires: {now}']),
  askedAgain('F2', 'Expires that passed on the way', ['Date: {now-100}', 'Expires: {now-10}']),
  reused('F2', 'Expires counts from a Date that is ahead', ['Date: {now+1000}', 'Expires: {now+1060}']),
  askedAgain('F2', 'Expires before a Date that is ahead', ['Date: {now+1000}', 'Expires: {now+500}'], { ours: true }),
  reused('F2', 'without Date, Expires counts from the receipt', ['Expires: {now+60}'], { reply: { date: false } }),
  askedAgain('F2', 'without Date, an Expires that is past', ['Expires: {now-60}'], { reply: { date: false } }),
  reused('F2', 'an invalid Date is none', ['Date: yesterday', 'Expires: {now+60}'], { ours: true }),
  askedAgain('F2', 'two lines of Expires', ['Expires: {now+60}', 'Expires: {now+90}'], { ours: true }),
  askedAgain(
    'F2',
    'two equal lines of Expires',
    ['Expires: Thu, 18 Aug 2050 02:01:18 GMT', 'Expires: Thu, 18 Aug 2050 02:01:18 GMT'],
    {
      ours: true,
    },
  ),
  askedAgain('F2', 'two lines of Expires of which one is past', ['Expires: {now+60}', 'Expires: 0']),
]

const always: Case[] = [
  validated('F3', 'no-cache', ['Cache-Control: no-cache']),
  validated('F3', 'no-cache with max-age', ['Cache-Control: no-cache, max-age=60']),
  validated('F3', 'no-cache with s-maxage and public', ['Cache-Control: public, no-cache, s-maxage=60']),
  validated('F3', 'no-cache with Expires', ['Cache-Control: no-cache', 'Expires: {now+60}']),
  askedAgain('F3', 'no-cache without a validator', ['Cache-Control: no-cache, max-age=60']),
  validated('F3', 'No-Cache in other letters', ['Cache-Control: max-age=60, No-CACHE']),
  testCase('F3', 'no-cache: a 304 answers with what is stored, each time', [
    fill(['Cache-Control: no-cache', 'ETag: "a"']),
    { reply: { status: 304, headers: ['ETag: "a"'] }, want: { from: 0, asked: 1, status: 200 } },
    { reply: { status: 304, headers: ['ETag: "a"'] }, want: { from: 0, asked: 1, status: 200 } },
  ]),
  reused('F3', 'Pragma of an answer means nothing', ['Cache-Control: max-age=60', 'Pragma: no-cache']),
  reused('F3', 'Pragma of an answer means nothing, without Cache-Control, too', [
    'Expires: {now+60}',
    'Pragma: no-cache',
  ]),
]

const ageing: Case[] = [
  reused('F4', 'younger than its lifetime', ['Cache-Control: max-age=60', 'Age: 30']),
  askedAgain('F4', 'as old as its lifetime', ['Cache-Control: max-age=60', 'Age: 60']),
  askedAgain('F4', 'older than its lifetime', ['Cache-Control: max-age=60', 'Age: 61']),
  testCase('F4', 'fresh at first, and stale when its time is over', [
    fill(['Cache-Control: max-age=4']),
    hit(),
    asks({ afterS: 4 }),
  ]),
  testCase('F4', 'fresh by Expires at first, and stale when its time is over', [
    fill(['Expires: {now+4}']),
    hit(),
    asks({ afterS: 4.2 }),
  ]),
  testCase('F4', 'a 404 is stale when its time is over', [
    fill(['Cache-Control: max-age=2'], { reply: { status: 404 } }),
    asks({ afterS: 2 }),
  ]),
]

const words: Case[] = [
  askedAgain('F5', 'immutable makes nothing fresh', ['Cache-Control: immutable']),
  askedAgain('F5', 'immutable makes no lifetime longer', ['Cache-Control: max-age=60, immutable', 'Age: 100']),
  testCase(
    'F5',
    'no-transform forbids compression',
    [
      fill(['Cache-Control: max-age=60, no-transform', 'Content-Type: text/plain'], {
        send: ['Accept-Encoding: gzip'],
        reply: { body: 'n'.repeat(400) },
        want: { fields: { 'content-encoding': null } },
      }),
      hit({ send: ['Accept-Encoding: gzip'], want: { fields: { 'content-encoding': null } } }),
    ],
    { route: 'transforms', ours: true },
  ),
]

const old = ['Last-Modified: {now-10000}']
const guess = (name: string, lines: readonly string[], status = 200) =>
  differs('heuristic', reused('F6', name, lines, { ours: true, reply: { status } }), asks())
const guesses: Case[] = [
  guess('a tenth of the time since the last change', old),
  guess('a tenth of that time is not over', [...old, 'Age: 900']),
  askedAgain('F6', 'a tenth of that time is over', [...old, 'Age: 1100']),
  guess('never more than a day, which is not over', ['Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT', 'Age: 86000']),
  askedAgain('F6', 'never more than a day', ['Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT', 'Age: 86401']),
  ...[203, 204, 300, 301, 308, 404, 405, 410, 414, 501].map((status) => guess(`${status} allows a guess`, old, status)),
  guess('public allows a guess for any status', [...old, 'Cache-Control: public'], 302),
  askedAgain('F6', '302 does not allow a guess', old, { reply: { status: 302 } }),
  askedAgain('F6', '500 does not allow a guess', old, { reply: { status: 500 } }),
  askedAgain('F6', 'no guess where the service says 0', [...old, 'Cache-Control: max-age=0']),
  askedAgain('F6', 'no guess where the service says a time that cannot be read', [...old, 'Expires: -1']),
  askedAgain('F6', 'no guess without Last-Modified', ['Cache-Control: public']),
  askedAgain('F6', 'no guess by an invalid Last-Modified', ['Last-Modified: long ago', 'Cache-Control: public']),
  askedAgain('F6', 'no guess by a Last-Modified after Date', ['Last-Modified: {now+1000}']),
  askedAgain('F6', 'no guess by a Last-Modified equal to Date', ['Date: {now}', 'Last-Modified: {now}']),
  askedAgain('F6', 'no guess with no-cache', [...old, 'Cache-Control: no-cache']),
]

export const freshness = [...sources, ...expires, ...always, ...ageing, ...words, ...guesses]
