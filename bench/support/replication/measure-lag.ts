import { markEvery, type Watched } from './measures.ts'
import type { Surroundings } from './surroundings.ts'
import { shipped } from './write-latency.ts'

export interface LagOptions {
  readonly perSecond: number
  readonly lagRounds: number
  readonly lagForMs: number
}

/** Writes at one site, looks at the other: from the beginning of a write until it is seen there, in several rounds. */
export async function measureLag(
  around: Surroundings,
  { perSecond, lagRounds, lagForMs }: LagOptions,
): Promise<Watched[]> {
  const [writer] = around.sides
  // The sides have just started: their first words to each other are no part of it.
  await writer.process.ask({ do: 'measure', measure: { what: 'fill', prefix: 'first', count: 1_000 } })
  await shipped(writer, 60_000)
  const rounds: Watched[] = []
  for (let round = 0; round < lagRounds; round++) {
    rounds.push(await oneRound(around, perSecond, lagForMs, `mark-${round}`))
    await shipped(writer, 60_000)
  }
  return rounds
}

async function oneRound(
  { sides: [writer, reader] }: Surroundings,
  perSecond: number,
  forMs: number,
  marks: string,
): Promise<Watched> {
  const count = Math.ceil((perSecond * forMs) / 1000 / markEvery)
  const watching = reader.process.ask<Watched>({
    do: 'measure',
    measure: { what: 'watch', count, marks, withinMs: forMs + 10_000 },
  })
  await writer.process.ask({ do: 'measure', measure: { what: 'mark', perSecond, forMs, marks } })
  const watched = await watching
  if (watched === undefined) throw new Error('the side that was watching ended')
  return watched
}
