/**
 * When a write is answered. `one`: one zone took it. `quorum`: the nearest has answered, and most of those that
 * have not failed took it. `all`: each did.
 */
export type WriteAck = 'one' | 'quorum' | 'all'

/**
 * Resolves as soon as enough zones took the write, nearest first; the others go on. `words`: outcomes that count as taken,
 * the most telling first; of those that were seen until then, that one is answered. `uneven` is called when all zones have
 * answered, if not all that took it did so with the same word. Never rejects.
 */
export function acknowledge<Outcome extends string>(
  writeAck: WriteAck,
  writes: readonly Promise<string>[],
  words: readonly Outcome[],
  uneven?: () => void,
): Promise<Outcome | 'failed'> {
  if (writes.length === 0) return Promise.resolve('failed')
  return new Promise((resolve) => {
    let taken = 0
    let failed = 0
    let nearSettled = false
    let best = words.length
    let worst = -1
    const settle = (outcome: string, index: number): void => {
      const word = words.indexOf(outcome as Outcome)
      if (word === -1) failed++
      else {
        taken++
        if (word < best) best = word
        if (word > worst) worst = word
      }
      if (index === 0) nearSettled = true
      if (isEnough(writeAck, taken, nearSettled, writes.length - failed, writes.length))
        resolve(words[best] ?? 'failed')
      else if (taken + failed === writes.length) resolve('failed')
      if (taken + failed === writes.length && worst > best) uneven?.()
    }
    writes.forEach((write, index) => {
      write.then(
        (outcome) => settle(outcome, index),
        // A store never throws; if one did after all, its zone has not taken the write.
        () => settle('failed', index),
      )
    })
  })
}

function isEnough(writeAck: WriteAck, taken: number, nearSettled: boolean, answering: number, of: number): boolean {
  if (writeAck === 'one') return taken >= 1
  if (writeAck === 'all') return taken === of
  return nearSettled && taken * 2 > answering
}
