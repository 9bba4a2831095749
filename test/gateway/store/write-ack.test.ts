import { describe, expect, it } from 'vitest'
import { acknowledge, type WriteAck } from '../../../gateway/store/write-ack.ts'

/** What is answered after each zone that answers, in this order of coming; undefined: not yet. */
async function answersOf(
  writeAck: WriteAck,
  zones: number,
  coming: readonly (readonly [zone: number, outcome: string])[],
) {
  const answers = Array.from({ length: zones }, () => Promise.withResolvers<string>())
  let answered: string | undefined
  const writes = answers.map(({ promise }) => promise)
  const acknowledged = acknowledge(writeAck, writes, ['older', 'stored']).then((outcome) => {
    answered = outcome
  })
  const seen: (string | undefined)[] = []
  for (const [zone, outcome] of coming) {
    answers[zone]?.resolve(outcome)
    await new Promise(setImmediate)
    seen.push(answered)
  }
  if (answered !== undefined) await acknowledged
  return seen
}

describe('when a write is answered', () => {
  it('Store Z3: one: with the first zone that took it', async () => {
    expect(await answersOf('one', 3, [[2, 'stored']])).toEqual(['stored'])
    expect(
      await answersOf('one', 2, [
        [0, 'failed'],
        [1, 'failed'],
      ]),
    ).toEqual([undefined, 'failed'])
  })

  it('Store Z3: quorum: with the nearest zone, and most of those that answer', async () => {
    expect(
      await answersOf('quorum', 3, [
        [1, 'stored'],
        [2, 'stored'],
        [0, 'stored'],
      ]),
    ).toEqual([undefined, undefined, 'stored'])
    expect(
      await answersOf('quorum', 3, [
        [0, 'failed'],
        [1, 'stored'],
        [2, 'stored'],
      ]),
    ).toEqual([undefined, undefined, 'stored'])
    expect(
      await answersOf('quorum', 3, [
        [0, 'stored'],
        [1, 'stored'],
      ]),
    ).toEqual([undefined, 'stored'])
  })

  it('Store Z3: all: with the last one, and never when one did not take it', async () => {
    expect(
      await answersOf('all', 2, [
        [0, 'stored'],
        [1, 'stored'],
      ]),
    ).toEqual([undefined, 'stored'])
    expect(
      await answersOf('all', 2, [
        [0, 'stored'],
        [1, 'failed'],
      ]),
    ).toEqual([undefined, 'failed'])
  })

  it('tells what tells most of what was seen', async () => {
    expect(
      await answersOf('all', 2, [
        [0, 'stored'],
        [1, 'older'],
      ]),
    ).toEqual([undefined, 'older'])
  })

  it('fails without a zone, and when one throws it has not taken the write', async () => {
    expect(await acknowledge('one', [], ['stored'])).toBe('failed')
    expect(await acknowledge('all', [Promise.reject(new Error('no'))], ['stored'])).toBe('failed')
  })
})
