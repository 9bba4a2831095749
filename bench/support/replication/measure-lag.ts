import { markEvery, type Watched } from './measures.ts'
import type { Surroundings } from './surroundings.ts'
import { shipped } from './write-latency.ts'

/** Writes at one site, looks at the other: from the beginning of a write until it is seen there. */
export async function measureLag(
  { sides: [writer, reader] }: Surroundings,
  { perSecond, lagForMs }: { readonly perSecond: number; readonly lagForMs: number },
): Promise<Watched> {
  // The sides have just started: their first words to each other are no part of it.
  await writer.process.ask({ do: 'measure', measure: { what: 'fill', prefix: 'first', count: 1_000 } })
  await shipped(writer, 60_000)
  const marks = 'mark'
  const count = Math.ceil((perSecond * lagForMs) / 1000 / markEvery)
  const watching = reader.process.ask<Watched>({
    do: 'measure',
    measure: { what: 'watch', count, marks, withinMs: lagForMs + 10_000 },
  })
  await writer.process.ask({ do: 'measure', measure: { what: 'mark', perSecond, forMs: lagForMs, marks } })
  const watched = await watching
  if (watched === undefined) throw new Error('the side that was watching ended')
  return watched
}
