import { describe, expect, it } from 'vitest'
import { writerIdFor, writerLimit } from '../../../control-plane/tables/writer-id.ts'

const entry = (instance: string, writerId: number, removedAt?: number) => {
  const facts = { internalUrl: 'http://127.0.0.1:1', startedAt: 0, version: '0', registeredAt: 0 }
  return {
    site: 'onprem',
    instance,
    writerId,
    ...facts,
    ...(removedAt === undefined ? {} : { removed: { at: removedAt, by: 'itself' as const } }),
  }
}

describe('the writer number of a gateway process', () => {
  it('stays the same for the same process', () => {
    expect(writerIdFor('onprem', 'b', [entry('a', 0), entry('b', 4)])).toBe(4)
  })

  it('is one that was never used, then the one given back longest ago', () => {
    expect(writerIdFor('onprem', 'new', [entry('a', 0), entry('b', 1, 5)])).toBe(2)
    const all = Array.from({ length: writerLimit }, (_, id) =>
      entry(`g${id}`, id, id === 7 ? 1 : id === 9 ? 2 : undefined),
    )
    expect(writerIdFor('onprem', 'new', all)).toBe(7)
  })

  it('is not given back to one that left while another holds it', () => {
    expect(writerIdFor('onprem', 'a', [entry('a', 0, 5), entry('b', 0)])).toBe(1)
  })

  it('is refused when all are held', () => {
    const all = Array.from({ length: writerLimit }, (_, id) => entry(`g${id}`, id))
    expect(writerIdFor('onprem', 'new', all)).toBeUndefined()
  })
})
