/** A1..A3: how old an answer is. */
import { askedAgain, asks, type Case, fill, hit, reused, testCase } from '../case.ts'

const fresh = 'Cache-Control: max-age=60'

const reading: Case[] = [
  reused('A1', 'Age of the service counts', [fresh, 'Age: 30'], { want: { age: [30, 34] } }),
  reused('A1', 'of two lines of Age the first', [fresh, 'Age: 10', 'Age: 100'], {
    want: { age: [10, 14] },
    ours: true,
  }),
  reused('A1', 'of two members of Age the first', [fresh, 'Age: 10, 100'], { want: { age: [10, 14] }, ours: true }),
  askedAgain('A1', 'the first member of Age is old', [fresh, 'Age: 100, 0']),
  ...['-5', '1.5', 'abc', '"50"', '50 seconds', '', '+50', '5e1'].map((age) =>
    reused('A1', `Age: ${age || '(empty)'} is ignored`, [fresh, `Age: ${age}`], { want: { age: [0, 4] }, ours: true }),
  ),
  ...['7200', '2147483648', '99999999999', '18446744073709551617'].map((age) =>
    askedAgain('A1', `Age: ${age} is old`, [fresh, `Age: ${age}`]),
  ),
  reused('A1', 'Age: 007 is 7', [fresh, 'Age: 007'], { want: { age: [7, 11] } }),
]

const sums: Case[] = [
  reused('A2', 'Date says how old an answer is', [fresh, 'Date: {now-30}'], { want: { age: [30, 35] } }),
  askedAgain('A2', 'an old Date makes an answer stale', [fresh, 'Date: {now-100}']),
  reused('A2', 'the older of Date and Age: Date', [fresh, 'Date: {now-30}', 'Age: 10'], { want: { age: [30, 35] } }),
  reused('A2', 'the older of Date and Age: Age', [fresh, 'Date: {now-10}', 'Age: 30'], { want: { age: [30, 34] } }),
  reused('A2', 'a Date that is ahead makes no negative age', [fresh, 'Date: {now+100}'], { want: { age: [0, 4] } }),
  reused('A2', 'no Date makes no age', [fresh], { reply: { date: false }, want: { age: [0, 4] } }),
  reused('A2', 'the time of the fetch counts', [fresh], { reply: { delayMs: 2200 }, want: { age: [2, 6] } }),
  reused('A2', 'the time of the fetch is added to Age', [fresh, 'Age: 10'], {
    reply: { delayMs: 2200 },
    want: { age: [12, 16] },
  }),
  testCase('A2', 'the time in the store counts', [
    fill([fresh, 'Age: 10']),
    hit({ afterS: 2, want: { age: [12, 17] } }),
  ]),
]

const telling: Case[] = [
  reused('A3', 'an answer from the store has an Age', [fresh], { want: { age: [0, 4] } }),
  reused('A3', 'an answer from the store has one Age', [fresh, 'Age: 10', 'Age: 10'], { want: { age: [10, 14] } }),
  testCase('A3', 'an answer of the service has the Age that it came with', [
    fill([fresh, 'Age: 10'], { want: { fields: { age: /^1\d$/ } } }),
  ]),
  testCase('A3', 'Age never falls', [
    fill([fresh, 'Age: 5']),
    hit({ want: { age: [5, 9] } }),
    hit({ afterS: 1, want: { age: [6, 12] } }),
    hit({ afterS: 1, want: { age: [7, 15] } }),
  ]),
  testCase('A3', 'a 304 makes an answer young', [
    fill([fresh, 'Age: 100', 'ETag: "a"']),
    { reply: { status: 304, headers: [fresh, 'ETag: "a"'] }, want: { from: 0, asked: 1, status: 200 } },
    hit({ want: { age: [0, 5] } }),
  ]),
  testCase('A3', 'a 304 brings an Age of its own', [
    fill([fresh, 'Age: 100', 'ETag: "a"']),
    { reply: { status: 304, headers: [fresh, 'Age: 20', 'ETag: "a"'] }, want: { from: 0, asked: 1, status: 200 } },
    hit({ want: { age: [20, 25] } }),
  ]),
  testCase('A3', 'a 304 brings a Date of its own', [
    fill([fresh, 'Age: 100', 'ETag: "a"']),
    {
      reply: { status: 304, headers: [fresh, 'Date: {now-25}', 'ETag: "a"'] },
      want: { from: 0, asked: 1, status: 200 },
    },
    hit({ want: { age: [25, 31] } }),
  ]),
  testCase('A3', 'a 304 with an old Age leaves an answer stale', [
    fill([fresh, 'Age: 100', 'ETag: "a"']),
    { reply: { status: 304, headers: [fresh, 'Age: 100', 'ETag: "a"'] }, want: { from: 0, asked: 1, status: 200 } },
    asks({ want: { sent: { 'if-none-match': '"a"' } } }),
  ]),
]

export const age = [...reading, ...sums, ...telling]
