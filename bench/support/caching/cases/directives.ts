/** Q1: what requests may ask of a cache. Honoured from everybody by `strict`, from trusted callers by `api`. */
import { askedAgain, asks, type Case, differs, fill, hit, type Lines, reused, testCase } from '../case.ts'

const fresh = ['Cache-Control: max-age=60', 'ETag: "a"']
const young = ['Cache-Control: max-age=60', 'Age: 20', 'ETag: "a"']
const stale = ['Cache-Control: max-age=60', 'Age: 100', 'ETag: "a"']
const director = ['Authorization: Bearer token-of-director']
const asked = (name: string, stored: Lines, again: Lines) =>
  differs('request-directives', askedAgain('Q1', name, stored, { again, ours: true }), hit({ send: again }))

const both: Case[] = [
  testCase(
    'Q1',
    'no-store: a fresh answer of the store will do',
    [fill(fresh), hit({ send: ['Cache-Control: no-store'] })],
    { ours: true },
  ),
  testCase('Q1', 'no-store: what the service answers is not stored', [
    fill(fresh, { send: ['Cache-Control: no-store'] }),
    asks({ want: { sent: { 'if-none-match': null } } }),
  ]),
  reused('Q1', 'min-fresh that the answer has', young, { again: ['Cache-Control: min-fresh=10'] }),
  reused('Q1', 'min-fresh that cannot be read is none', young, { again: ['Cache-Control: min-fresh=abc'], ours: true }),
  reused('Q1', 'max-age that the answer has not reached', young, { again: ['Cache-Control: max-age=40'] }),
  reused('Q1', 'directives that nobody knows', young, { again: ['Cache-Control: foo=1, bar'] }),
  reused('Q1', 'Pragma beside Cache-Control', young, { again: ['Cache-Control: foo', 'Pragma: no-cache'], ours: true }),
  testCase('Q1', 'only-if-cached with a fresh answer', [fill(fresh), hit({ send: ['Cache-Control: only-if-cached'] })]),
  askedAgain('Q1', 'max-stale with fewer seconds', stale, { again: ['Cache-Control: max-stale=10'] }),
]

const strict: Case[] = [
  asked('no-cache validates a fresh answer', fresh, ['Cache-Control: no-cache']),
  asked('Pragma: no-cache validates a fresh answer', fresh, ['Pragma: no-cache']),
  asked('max-age=0 validates a fresh answer', fresh, ['Cache-Control: max-age=0']),
  asked('max-age that the answer is past', young, ['Cache-Control: max-age=10']),
  asked('max-age that cannot be read is 0', young, ['Cache-Control: max-age=abc']),
  asked('min-fresh that the answer has not', young, ['Cache-Control: min-fresh=50']),
  differs(
    'request-directives',
    testCase(
      'Q1',
      'no-cache: the answer is validated, and a 304 brings the stored one',
      [
        fill(fresh),
        {
          send: ['Cache-Control: no-cache'],
          reply: { status: 304, headers: fresh },
          want: {
            from: 0,
            asked: 1,
            status: 200,
            sent: { 'if-none-match': '"a"' },
            says: /fwd=request; fwd-status=304/,
          },
        },
      ],
      { ours: true },
    ),
    hit({ send: ['Cache-Control: no-cache'] }),
  ),
  differs(
    'request-directives',
    testCase('Q1', 'max-stale takes any stale answer', [fill(stale), hit({ send: ['Cache-Control: max-stale'] })], {
      ours: true,
    }),
    asks({ send: ['Cache-Control: max-stale'] }),
  ),
  differs(
    'request-directives',
    testCase('Q1', 'max-stale with enough seconds', [fill(stale), hit({ send: ['Cache-Control: max-stale=100'] })], {
      ours: true,
    }),
    asks({ send: ['Cache-Control: max-stale=100'] }),
  ),
  differs(
    'request-directives',
    testCase(
      'Q1',
      'only-if-cached with nothing stored',
      [{ send: ['Cache-Control: only-if-cached'], want: { asked: 0, status: 504 } }],
      { ours: true },
    ),
    asks({ send: ['Cache-Control: only-if-cached'] }),
  ),
  differs(
    'request-directives',
    testCase(
      'Q1',
      'only-if-cached with a stale answer',
      [fill(stale), { send: ['Cache-Control: only-if-cached'], want: { asked: 0, status: 504 } }],
      { ours: true },
    ),
    asks({ send: ['Cache-Control: only-if-cached'] }),
  ),
  differs(
    'request-directives',
    testCase(
      'Q1',
      'stale-if-error of the request',
      [fill(stale), hit({ send: ['Cache-Control: stale-if-error=600'], reply: { status: 503 }, want: { asked: 1 } })],
      { ours: true },
    ),
    { send: ['Cache-Control: stale-if-error=600'], reply: { status: 503 }, want: { status: 503 } },
  ),
]

const shared = ['Cache-Control: public, max-age=60', 'ETag: "a"']
const trusted: Case[] = [
  testCase(
    'Q1',
    'whoever has the scope cache:control is heard in both profiles: no-cache',
    [
      fill(shared, { send: director }),
      asks({ send: [...director, 'Cache-Control: no-cache'], want: { sent: { 'if-none-match': '"a"' } } }),
    ],
    { route: 'shared', ours: true },
  ),
  testCase(
    'Q1',
    'whoever has the scope cache:control is heard in both profiles: only-if-cached',
    [{ send: [...director, 'Cache-Control: only-if-cached'], want: { asked: 0, status: 504 } }],
    { route: 'shared', ours: true },
  ),
]

export const directives = [...both, ...strict, ...trusted]
