/** `npm run prove -- guesses`: unknown tokens by the hundred thousand grow no memory, and hammer neither Redis nor the peer. */
import type { BenchOptions } from '../command.ts'
import { printTable } from '../print.ts'
import { type Flood, type Flooded, flood, questionsAllowed, readsAllowed } from '../support/guesses-flood.ts'

/** What is held; and with it what the engine keeps for itself of a burst. */
const heapLimitMiB = 8
const rssLimitMiB = 128

/** `short` behind the name: a tenth, for the tests. */
export async function prove({ long, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const guesses = long ? 1_000_000 : args.includes('short') ? 20_000 : 200_000
  const floods: [string, Flood][] = [
    ['one address', { guesses, addresses: 1, limited: true }],
    ['5,000 addresses', { guesses: guesses / 4, addresses: 5_000, limited: true }],
    ['control: no limits', { guesses: 2_000, addresses: 1, limited: false }],
  ]
  const rows: { name: string; faults: string[]; flooded: Flooded; given: Flood }[] = []
  for (const [name, given] of floods) {
    const flooded = await flood(given)
    rows.push({ name, given, flooded, faults: faultsOf(given, flooded) })
  }
  printTable(
    [
      'flood',
      'guesses',
      's',
      'answers',
      'Redis reads',
      'peer asked',
      'heap MiB',
      'RSS MiB',
      'kept',
      'known',
      'at peer',
      'fault',
    ],
    rows.map(({ name, given, flooded, faults }) => [
      name,
      given.guesses,
      flooded.seconds.toFixed(1),
      told(flooded.answers),
      flooded.redisReads,
      flooded.peerQuestions,
      flooded.heapGrowthMiB.toFixed(1),
      flooded.rssGrowthMiB.toFixed(1),
      flooded.remembered,
      told(flooded.known),
      told(flooded.atPeer),
      faults[0] ?? 'none',
    ]),
  )
  const [one, many, control] = rows as [(typeof rows)[0], (typeof rows)[0], (typeof rows)[0]]
  const pass = one.faults.length === 0 && many.faults.length === 0 && control.faults.length > 0
  const { redisReads, peerQuestions, heapGrowthMiB } = one.flooded
  const figures = `${guesses} guesses of one address: ${redisReads} Redis reads, ${peerQuestions} peer questions, heap +${Math.max(0, heapGrowthMiB).toFixed(1)} MiB; from 5,000 addresses ${many.flooded.peerQuestions} peer questions; control ${control.faults.length > 0 ? 'found' : 'NOT FOUND'}`
  return { pass, figures }
}

/** What a flood did that it must not. */
function faultsOf({ addresses }: Flood, flooded: Flooded): string[] {
  const { seconds, answers, known, atPeer, redisReads, peerQuestions, heapGrowthMiB, rssGrowthMiB, remembered } =
    flooded
  // A control without limits is measured by the limits of the others.
  const faults: [boolean, string][] = [
    [answers['accepted'] !== undefined, 'a guess was let in'],
    [Object.keys(known).some((code) => code !== 'accepted'), 'a known token was refused'],
    [Object.keys(atPeer).some((code) => code !== 'accepted'), 'a token of the peer was refused'],
    [redisReads > readsAllowed(addresses, seconds), `${redisReads} Redis reads`],
    [peerQuestions > questionsAllowed(seconds), `${peerQuestions} peer questions`],
    [heapGrowthMiB > heapLimitMiB, `${heapGrowthMiB.toFixed(0)} MiB more are held`],
    [rssGrowthMiB > rssLimitMiB, `RSS grew by ${rssGrowthMiB.toFixed(0)} MiB`],
    [remembered > 10_100, `${remembered} entries are kept`],
  ]
  return faults.filter(([wrong]) => wrong).map(([, fault]) => fault)
}

const told = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([code, count]) => `${code} ${count}`)
    .join(', ')
