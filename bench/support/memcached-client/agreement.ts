import { seededRandom } from '#server-kit/random.ts'
import type { BenchClient } from './bench-clients.ts'

/** Two clients of one server and a map, asked the same in random order: how often one of them says something else. */
export async function disagreements(clients: readonly BenchClient[], operations: number, seed: number) {
  const random = seededRandom(seed)
  const below = (limit: number): number => Math.floor(random.next() * limit)
  const keys = Array.from({ length: 50 }, (_, i) =>
    `${i}${'k'.repeat(below(200))}!~"'\\%é`.replace('é', `${below(10)}`),
  )
  const truth = new Map<string, Buffer>()
  const counts = { sets: 0, gets: 0, deletes: 0, wrong: 0 }
  for (let i = 0; i < operations; i++) {
    const client = clients[below(clients.length)] as BenchClient
    const key = keys[below(keys.length)] as string
    const dice = random.next()
    if (dice < 0.4) {
      const bytes = dice < 0.02 ? 60_000 + below(900_000) : dice < 0.04 ? 0 : below(3_000)
      const value = Buffer.alloc(bytes, Buffer.from([below(256), 13, 10, below(256), below(256)]))
      counts.sets++
      if (!(await client.set(key, value))) counts.wrong++
      truth.set(key, value)
    } else if (dice < 0.5) {
      counts.deletes++
      if ((await client.delete(key)) !== truth.delete(key)) counts.wrong++
    } else {
      counts.gets++
      const found = await client.get(key)
      const wanted = truth.get(key)
      const isRight = wanted === undefined ? found === 'absent' : typeof found !== 'string' && found.equals(wanted)
      if (!isRight) counts.wrong++
    }
  }
  return counts
}
