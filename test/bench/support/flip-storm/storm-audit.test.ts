import { describe, expect, it } from 'vitest'
import { judgeStorm } from '../../../../bench/support/flip-storm/storm-audit.ts'
import type { Asked, Changed } from '../../../../bench/support/flip-storm/storm-record.ts'
import type { Execution } from '../../../../bench/support/write-ledger.ts'

const changed = (epoch: number, calledAt: number, site: string, more: Partial<Changed> = {}): Changed => ({
  ...{ what: 'changed', name: `to ${site}`, calledAt, heldAt: calledAt + 10, epoch, writes: site, reads: site },
  ...more,
})
const read = (sentAt: number, site: string, more: Partial<Asked> = {}): Asked => ({
  ...{ what: 'asked', kind: 'GET', user: 'anna', sentAt, answeredAt: sentAt + 1, site },
  ...more,
})
const write = (sentAt: number, site: string, writeId: string, more: Partial<Asked> = {}): Asked =>
  read(sentAt, site, { kind: 'POST', writeId, ...more })
const executed = (at: number, site: string, writeId: string): Execution => ({ at, site, writeId, method: 'POST' })

/** Epoch 1 from the beginning, epoch 2 asked for at 100 and held at 110. */
const changes = [changed(1, 0, 'onprem', { heldAt: 0 }), changed(2, 100, 'cloud')]

describe('the audit of a storm', () => {
  it('finds nothing where each epoch has its side, and where a change takes its time', () => {
    const lines = [...changes, read(5, 'onprem'), read(102, 'onprem'), read(105, 'cloud'), read(120, 'cloud')]

    const verdict = judgeStorm([...lines, write(20, 'onprem', 'w1')], [executed(20, 'onprem', 'w1')])

    expect(verdict).toMatchObject({ errors: [], bounced: [], misplaced: [] })
    expect(verdict.writes).toMatchObject({ acknowledged: 1, lost: [], doubled: [], elsewhere: [] })
    expect(verdict.counts).toEqual({ GET: 4, POST: 1, SSE: 0, WebSocket: 0 })
  })

  it('holds sockets to the side of writes, though reads beside them are split', () => {
    const { reads: _, ...half } = changed(3, 200, 'onprem')
    const socket = (site: string) => read(230, site, { kind: 'WebSocket' })
    const beside = [...changes, half, read(220, 'cloud'), read(240, 'cloud')]

    expect(judgeStorm([...beside, socket('onprem')], [])).toMatchObject({ bounced: [], misplaced: [] })
    expect(judgeStorm([...beside, socket('cloud')], []).misplaced).toEqual(['WebSocket of anna in epoch 3: at cloud'])
  })

  it('finds a user who is served by both sites while one epoch holds, also where reads are split', () => {
    const split = changed(3, 200, 'onprem')
    const { reads: _, ...half } = split
    const lines = [...changes, half, read(220, 'onprem'), read(230, 'cloud'), read(240, 'cloud', { user: 'ben' })]

    expect(judgeStorm(lines, []).bounced).toEqual(['anna reads in epoch 3: onprem and cloud'])
    expect(judgeStorm(lines, []).misplaced).toEqual([])
  })

  it('finds what is served or executed at another site than the epoch that holds says', () => {
    const lines = [...changes, read(120, 'onprem', { kind: 'SSE' }), write(130, 'cloud', 'w1')]

    const { misplaced, writes } = judgeStorm(lines, [executed(131, 'onprem', 'w1')])

    expect(misplaced).toEqual(['w1 in epoch 2: at onprem', 'SSE of anna in epoch 2: at onprem'])
    expect(writes.elsewhere).toEqual(['w1'])
  })

  it('finds writes that were lost or done twice, and every complaint', () => {
    const lines = [...changes, write(5, 'onprem', 'w1'), write(6, 'onprem', 'w2')]
    const failed = read(7, 'onprem', { fault: '503' })

    const verdict = judgeStorm(
      [...lines, failed, changed(3, 300, 'onprem', { fault: 'refused' })],
      [executed(5, 'onprem', 'w1'), executed(5, 'cloud', 'w1')],
    )

    expect(verdict.writes).toMatchObject({ lost: ['w2'], doubled: ['w1'] })
    expect(verdict.errors).toEqual(['GET of anna: 503', 'to onprem: refused'])
  })

  it('measures how long writes of both sites overlap, and who wavered between them', () => {
    const at = (times: readonly number[], site: string) => times.map((time) => executed(time, site, `w${time}`))
    const lines = [...changes, read(90, 'onprem', { answeredAt: 101 }), read(102, 'cloud'), read(104, 'onprem')]

    const { changes: figures } = judgeStorm(lines, [...at([99, 103, 107], 'onprem'), ...at([102, 112], 'cloud')])

    expect(figures).toEqual([{ name: 'to cloud', epoch: 2, tookMs: 10, overlapMs: 5, wavered: 1 }])
  })
})
