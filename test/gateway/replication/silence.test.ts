import { afterEach, describe, expect, it, vi } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { type Log, silentLog } from '#server-kit/log.ts'
import { MemoryLedger } from '../../../gateway/replication/memory-ledger.ts'
import type { ReplicationLedger, WriterRow } from '../../../gateway/replication/replication-ledger.ts'
import { forgetAfterMs, Silence } from '../../../gateway/replication/silence.ts'

const row: WriterRow = { site: 'there', place: 'p', journal: 'j', writer: 1, debt: 0, nowMs: 1, behindMs: 0 }
const mark = { journal: 'j', head: 0, nowMs: 1, invalidations: 0, values: 0 }
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

function listening(options: { readonly isDurable?: () => boolean; readonly log?: Log } = {}) {
  const clock = new HeldClock()
  const ledger: ReplicationLedger = new MemoryLedger(clock)
  const raised: [string, bigint][] = []
  let stamp = 0n
  const silence = new Silence({
    ledger,
    shared: {
      raise: async (where, at) => {
        const isDurable = options.isDurable?.() ?? true
        if (isDurable) raised.push([where, at])
        return isDurable
      },
    },
    newStamp: () => ++stamp,
    servesAlone: (namespace) => namespace === 'http-own',
    clock,
    log: options.log ?? silentLog,
    background: new Background(silentLog),
  })
  closing.push(() => silence.close())
  /** As it is when a batch comes. */
  const hear = async (over: Partial<WriterRow> = {}): Promise<void> => {
    await silence.refresh()
    silence.heard({ ...row, ...over })
    await ledger.note({ ...row, ...over }, 0, mark)
  }
  return { clock, ledger, silence, raised, hear }
}

describe('the silence of another site', () => {
  it('Store J7: of a site that nobody knows means nothing, once it is known that nobody does', async () => {
    const { silence, clock } = listening()
    expect(silence.mayRead('shop')).toBe(false)
    await silence.refresh()
    clock.advance(3_600_000)

    expect(silence.mayRead('shop')).toBe(true)
  })

  it('Store J7: for more than two seconds ends reading of what it may have taken away, until it is heard', async () => {
    const { silence, clock, hear } = listening()
    await hear()
    clock.advance(2_000)
    expect(silence.mayRead('shop')).toBe(true)

    clock.advance(1)
    expect([silence.mayRead('shop'), silence.mayRead('http-own')]).toEqual([false, true])
    expect(silence.known()).toMatchObject([{ site: 'there', place: 'p', state: 'silent', silentMs: 2_001 }])

    await hear()
    expect(silence.mayRead('shop')).toBe(true)
  })

  it('Store J7: does not end with its first word, but when all that it wrote meanwhile is here', async () => {
    const { silence, clock, hear } = listening()
    await hear()
    clock.advance(10_000)

    await hear({ behindMs: 5 })
    expect(silence.mayRead('shop')).toBe(false)
    expect(silence.known()).toMatchObject([{ state: 'behind' }])

    await hear()
    expect(silence.mayRead('shop')).toBe(true)
  })

  it('Store J7: of one writer is enough, whatever others say', async () => {
    const { silence, clock, hear } = listening()
    await hear()
    await hear({ place: 'q' })
    clock.advance(1_500)
    await hear({ place: 'q' })
    clock.advance(1_000)

    expect(silence.mayRead('shop')).toBe(false)
  })

  it('Store J7: is ended by what another process of this site has heard', async () => {
    const { silence, ledger, clock, hear } = listening()
    await hear()
    clock.advance(3_000)
    await ledger.note(row, 0, mark)
    expect(silence.mayRead('shop')).toBe(false)

    await silence.refresh()

    expect(silence.mayRead('shop')).toBe(true)
  })

  it('Store J7: is known at the start, before anything was heard', async () => {
    const { silence, ledger, clock } = listening()
    await ledger.note(row, 0, mark)
    clock.advance(3_000)

    await silence.refresh()

    expect(silence.mayRead('shop')).toBe(false)
  })

  it('Store J6: of one that has said that it ends means nothing', async () => {
    const { silence, clock, hear } = listening()
    await hear()

    await silence.parted('there', 'p')
    clock.advance(60_000)
    await silence.refresh()

    expect([silence.mayRead('shop'), silence.known()]).toEqual([true, []])
  })

  it('Store J6: for five minutes gives up all values, and then it is forgotten', async () => {
    let isDurable = false
    const { silence, clock, raised, hear } = listening({ isDurable: () => isDurable })
    clock.advance(1)
    await hear()
    clock.advance(forgetAfterMs)
    await silence.refresh()
    expect([raised, silence.mayRead('shop')]).toEqual([[], false])

    clock.advance(1)
    await silence.refresh()
    // Not before the values are given up for good.
    expect([raised, silence.mayRead('shop')]).toEqual([[], false])
    isDurable = true
    await silence.refresh()

    expect([raised, silence.mayRead('shop'), silence.known()]).toEqual([[['*', 2n]], true, []])
  })

  it('Store J6: of minutes gives up nothing right after a start: nobody was there to listen', async () => {
    const { silence, ledger, raised } = listening()
    ledger.all = async () => [{ ...row, ageMs: 3_600_000 }]

    await silence.refresh()

    expect([raised, silence.mayRead('shop')]).toEqual([[], false])
  })

  it('Store J6: can be ended by an operator, at the price of all values', async () => {
    const { silence, clock, raised, hear } = listening()
    await hear()
    clock.advance(5_000)

    expect(await silence.abandon('there', 'other')).toBe('unknown')
    expect(await silence.abandon('there', 'p')).toBe('abandoned')

    expect([raised, silence.mayRead('shop')]).toEqual([[['*', 1n]], true])
  })

  it('is told once, and not of the first two seconds: nobody can have been heard by then', () => {
    vi.useFakeTimers({ toFake: ['setInterval'] })
    closing.push(() => vi.useRealTimers())
    const told: string[] = []
    const { clock } = listening({ log: { ...silentLog, warn: (_, text) => told.push(text) } })
    clock.advance(2_000)
    vi.advanceTimersByTime(250)
    expect(told).toEqual([])

    clock.advance(1)
    vi.advanceTimersByTime(500)
    expect(told).toHaveLength(1)
  })

  it('Store J7: goes on where the ledger cannot be asked: what others heard counts as silent', async () => {
    const { silence, ledger, clock, hear } = listening()
    await hear()
    ledger.all = async () => undefined
    clock.advance(2_500)

    await silence.refresh()

    expect(silence.mayRead('shop')).toBe(false)
    expect(await silence.abandon('there', 'p')).toBe('failed')
  })
})
