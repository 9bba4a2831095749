/** P1..P7: how fields are read. */
import { askedAgain, asks, fill, hit, reused, testCase, validated } from '../case.ts'

const later = 'Thu, 18 Aug 2050 02:01:18 GMT'

const directives = [
  reused('P1', 'names of directives are read in any letter case', ['Cache-Control: MaX-aGe=60']),
  reused('P1', 'a quoted argument means the same as a bare one', ['Cache-Control: max-age="60"'], { ours: true }),
  askedAgain('P1', 'a prohibition on the second line counts', ['Cache-Control: max-age=60', 'Cache-Control: no-store']),
  askedAgain('P1', 'a prohibition on the first line counts', ['Cache-Control: no-store', 'Cache-Control: max-age=60']),
  askedAgain('P1', 'a prohibition in capitals counts', ['Cache-Control: max-age=60, NO-STORE']),
  reused('P1', 'what is quoted is no directive', ['Cache-Control: extension="no-store, private", max-age=60']),
  reused('P1', 'a quoted age is no age', ['Cache-Control: max-age=60, extension="max-age=0"']),
  askedAgain('P1', 'a quoted age gives no freshness', ['Cache-Control: max-age=0, extension="max-age=60"']),
  askedAgain('P1', 'an age behind a quoted comma gives no freshness', [
    'Cache-Control: max-age=0, extension=", max-age=60, "',
  ]),
  reused('P1', 'an escaped quote does not end quoted text', [
    String.raw`Cache-Control: extension="a\", no-store, \"", max-age=60`,
  ]),
  askedAgain('P1', 'a directive behind quoted text counts', ['Cache-Control: max-age=60, extension="a,b", no-store']),
  askedAgain('P1', 'a backslash that is escaped itself does not hide the end of quoted text', [
    String.raw`Cache-Control: max-age=60, extension="a\\", no-store`,
  ]),
  reused('P1', 'unknown directives are skipped', ['Cache-Control: foo, bar=1, baz="2", max-age=60, qux']),
  reused('P1', 'a name that only begins like a directive is another one', [
    'Cache-Control: no-storex, privately, max-age=60',
  ]),
  askedAgain('P1', 'a name that only ends like a directive gives no freshness', [
    'Cache-Control: max-age=0, x-max-age=60',
  ]),
  reused('P1', 'empty members are skipped', ['Cache-Control: , ,max-age=60, ,']),
  reused('P1', 'an empty line is skipped', ['Cache-Control:', 'Cache-Control: max-age=60']),
  reused('P1', 'commas need no space behind them', ['Cache-Control: public,max-age=60,foo']),
  reused('P1', 'tabs are white space', ['Cache-Control: public\t,\tmax-age=60']),
]

const seconds = [
  reused('P2', 'leading zeros are fine', ['Cache-Control: max-age=0060']),
  ...['2147483648', '4294967296', '99999999999', '18446744073709551617'].map((age) =>
    reused('P2', `max-age=${age} is a very long time`, [`Cache-Control: max-age=${age}`]),
  ),
  reused('P2', 's-maxage=99999999999 is a very long time', ['Cache-Control: s-maxage=99999999999']),
  ...[
    '',
    '-60',
    '+60',
    '60.0',
    '60.5',
    '6e1',
    '6 0',
    ' 60',
    "'60'",
    'abc',
    '60s',
    '0x3c',
    '""',
    '"-60"',
    '60;a',
    'a60',
  ].map((age) =>
    askedAgain('P2', `max-age=${age} is invalid, and makes the answer stale`, [`Cache-Control: max-age=${age}`], {
      ours: true,
    }),
  ),
  askedAgain('P2', 'max-age without an argument is invalid', ['Cache-Control: max-age'], { ours: true }),
  askedAgain('P2', 'space before the sign of equality is invalid', ['Cache-Control: max-age =60'], { ours: true }),
  askedAgain('P2', 's-maxage=60.5 is invalid', ['Cache-Control: s-maxage=60.5'], { ours: true }),
  askedAgain('P2', 's-maxage=-60 is invalid', ['Cache-Control: s-maxage=-60'], { ours: true }),
]

const contradictions = [
  askedAgain(
    'P3',
    'an invalid max-age is not replaced by Expires',
    ['Cache-Control: max-age=abc', 'Expires: {now+60}'],
    {
      ours: true,
    },
  ),
  askedAgain('P3', 'an invalid s-maxage is not replaced by max-age', ['Cache-Control: s-maxage=abc, max-age=60'], {
    ours: true,
  }),
  validated('P3', 'an invalid max-age is not replaced by a guess', [
    'Cache-Control: max-age=abc',
    'Last-Modified: {now-90000}',
  ]),
  reused('P3', 'the same age twice is that age', ['Cache-Control: max-age=60, max-age=60']),
  askedAgain('P3', 'two ages that differ are none', ['Cache-Control: max-age=60, max-age=30'], { ours: true }),
  askedAgain(
    'P3',
    'two ages that differ on two lines are none',
    ['Cache-Control: max-age=60', 'Cache-Control: max-age=30'],
    {
      ours: true,
    },
  ),
  askedAgain('P3', 'two ages of which one is 0 are none', ['Cache-Control: max-age=0, max-age=60'], { ours: true }),
  askedAgain('P3', 'a valid age beside an invalid one is none', ['Cache-Control: max-age=60, max-age=abc'], {
    ours: true,
  }),
  askedAgain(
    'P3',
    'two values of s-maxage that differ are none',
    ['Cache-Control: s-maxage=60, s-maxage=30, max-age=60'],
    {
      ours: true,
    },
  ),
  askedAgain('P3', 'no-store with an argument is no-store', ['Cache-Control: no-store=foo, max-age=60']),
  reused('P3', 'public with an argument is public', ['Cache-Control: public=foo, max-age=60']),
]

const unclosed = [
  validated('P4', 'an unclosed quote makes every reuse validated', ['Cache-Control: max-age=60, extension="abc'], {
    ours: true,
  }),
  validated(
    'P4',
    'a line behind one with an unclosed quote cannot take that back',
    ['Cache-Control: extension="abc', 'Cache-Control: max-age=60'],
    { ours: true },
  ),
  askedAgain('P4', 'a prohibition on a line of its own counts behind an unclosed quote', [
    'Cache-Control: max-age=60, extension="abc',
    'Cache-Control: no-store',
  ]),
]

const dates = [
  reused('P5', 'Expires may be an IMF-fixdate', ['Expires: {now+60}']),
  reused('P5', 'Expires may have the form of RFC 850', ['Expires: {rfc850+60}']),
  reused('P5', 'Expires may have the form of asctime', ['Expires: {asctime+60}']),
  reused('P5', 'the weekday is not compared with the date', ['Expires: Mon, 18 Aug 2050 02:01:18 GMT'], { ours: true }),
  reused('P5', 'a leap second is a second', ['Expires: Thu, 18 Aug 2050 23:59:60 GMT'], { ours: true }),
  askedAgain('P5', 'a year of two digits that is more than 50 years ahead is past', [
    'Expires: Sunday, 06-Nov-94 08:49:37 GMT',
  ]),
  ...[
    '0',
    '-1',
    '',
    'never',
    later.toLowerCase(),
    later.toUpperCase(),
    later.replace('GMT', 'UTC'),
    later.replace('GMT', 'gmt'),
    later.replace('GMT', 'EST'),
    later.replace('GMT', '+0000'),
    later.replace(' GMT', ''),
    later.replace('Thu, ', ''),
    later.replace('Aug', 'August'),
    later.replace('Aug', 'aug'),
    later.replace('18 Aug 2050', '18-Aug-2050'),
    later.replace('18 Aug', '18  Aug'),
    later.replace(', ', ','),
    later.replace('Thu,', 'Thu'),
    later.replace('18 Aug', '31 Sep'),
    later.replace('18 Aug', '30 Feb'),
    later.replace('18 Aug', '8 Aug'),
    later.replace('02:01:18', '24:01:18'),
    later.replace('02:01:18', '02:60:18'),
    later.replace('02:01:18', '02:01:61'),
    later.replace('02:01:18', '2:1:18'),
    later.replace('02:01:18', '02:01'),
    later.replaceAll(':', '.'),
    later.replace('2050', '50'),
    `${later} `.trim().concat(' foo'),
    '2050-08-18T02:01:18Z',
    '2544400878',
    'Thu Aug 18 02:01:18 2050 GMT',
    'Mon Aug 8 02:01:18 2050',
    'Thursday, 18-Aug-2050 02:01:18 GMT',
  ].map((text) => askedAgain('P5', `Expires: ${text || '(empty)'} is invalid`, [`Expires: ${text}`], { ours: true })),
  askedAgain('P5', 'Expires: 0 beside a Last-Modified is no reason to guess', [
    'Expires: 0',
    'Last-Modified: {now-90000}',
  ]),
]

const fresh = 'Cache-Control: max-age=60'
const tagged = (tag: string) => fill([fresh, `ETag: ${tag}`])
const matches = (id: string, name: string, tag: string, condition: string) =>
  testCase(id, name, [tagged(tag), hit({ send: [`If-None-Match: ${condition}`], want: { status: 304 } })])
const differing = (id: string, name: string, tag: string, condition: string) =>
  testCase(id, name, [tagged(tag), hit({ send: [`If-None-Match: ${condition}`], want: { status: 200 } })])

const tags = [
  matches('P6', 'a list of tags is split at its commas', '"b"', '"a", "b", "c"'),
  matches('P6', 'a list of tags needs no space', '"b"', '"a","b","c"'),
  matches('P6', 'a comma in a tag does not split it', '"a,b"', '"x", "a,b"'),
  differing('P6', 'a part of a tag with a comma is another tag', '"a,b"', '"a", "b"'),
  matches('P6', 'a weak tag matches its strong twin', 'W/"a"', '"a"'),
  differing('P6', 'letter case of a tag matters', '"a"', '"A"'),
  testCase(
    'P6',
    'w/ in small letters makes no weak tag',
    [tagged('"a"'), hit({ send: ['If-None-Match: w/"a"'], want: { status: 200 } })],
    { ours: true },
  ),
  testCase('P6', 'a tag without quotes goes back to the service as it came', [
    fill(['Cache-Control: max-age=60', 'Age: 100', 'ETag: abc']),
    {
      reply: { status: 304, headers: [fresh, 'ETag: abc'] },
      want: { from: 0, asked: 1, status: 200, sent: { 'if-none-match': 'abc' } },
    },
  ]),
  testCase(
    'P6',
    'a tag without quotes matches identical bytes',
    [tagged('abc'), hit({ send: ['If-None-Match: abc'], want: { status: 304 } })],
    { ours: true },
  ),
  testCase(
    'P6',
    'a tag without quotes does not match the same in quotes',
    [tagged('abc'), hit({ send: ['If-None-Match: "abc"'], want: { status: 200 } })],
    { ours: true },
  ),
]

const structured = [
  askedAgain('P7', 'a targeted field with a fault anywhere is no field', [
    'CDN-Cache-Control: max-age=60, &&&',
    'Cache-Control: no-store',
  ]),
  reused('P7', 'a targeted field with a fault anywhere hides nothing', [
    'CDN-Cache-Control: no-store, a=(',
    'Cache-Control: max-age=60',
  ]),
  askedAgain('P7', 'a targeted field whose second line has a fault is no field', [
    'CDN-Cache-Control: max-age=60',
    'CDN-Cache-Control: ???',
    'Cache-Control: no-store',
  ]),
  testCase(
    'P7',
    'groups with a fault are no groups',
    [
      fill([fresh, 'Cache-Groups: "a", b c(']),
      asks({ method: 'POST', at: '/unsafe', reply: { headers: ['Cache-Group-Invalidation: "a"'] } }),
      hit(),
    ],
    { ours: true },
  ),
]

export const parsing = [...directives, ...seconds, ...contradictions, ...unclosed, ...dates, ...tags, ...structured]
