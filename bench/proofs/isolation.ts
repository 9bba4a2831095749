/**
 * `npm run prove -- isolation [--cases N] [--long]`: nobody is given what was made for somebody else. Random pairs of requests by
 * different identities go through the real phases of the cache, and a judge that knows nothing of them looks at each answer.
 */
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { runPairs } from '../support/isolation/run-pairs.ts'

export async function prove({ long, seed, cases }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const pairs = cases ?? (long ? 5_000_000 : 1_000_000)
  const startedMs = performance.now()
  const ours = await runPairs({ seed, pairs })
  const seconds = (performance.now() - startedMs) / 1_000
  const control = { seed, pairs: Math.min(pairs, 100_000), untilFound: true }
  const keyless = await runPairs({ ...control, without: 'keyless' })
  const blind = await runPairs({ ...control, without: 'blind' })

  printTable(
    ['', 'pairs', 'requests', 'without the service', 'shared by permission', 'found'],
    [
      ['as it is', ours],
      ['control: identity not in the key', keyless],
      ['control: credentials not told (AU1)', blind],
    ].map(([name, run]) => {
      const { pairs, requests, reused, shared, found } = run as typeof ours
      return [name as string, grouped(pairs), grouped(requests), grouped(reused), grouped(shared), found]
    }),
  )
  for (const line of [...ours.told, ...keyless.told.slice(0, 1), ...blind.told.slice(0, 1)]) console.log(`${line}\n`)

  const isFull = ours.shared > ours.pairs / 100 && ours.reused > ours.requests / 20
  if (!isFull) console.log('so little was reused that nothing is shown')
  const figures =
    `${grouped(ours.pairs)} pairs in ${seconds.toFixed(0)} s: ${ours.found} given to another identity, ` +
    `${grouped(ours.shared)} shared by permission; controls found ${keyless.found} and ${blind.found}`
  return { pass: ours.found === 0 && isFull && keyless.found > 0 && blind.found > 0, figures }
}
