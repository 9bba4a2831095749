import { describe, expect, it } from 'vitest'
import type { ChangeRule } from '../../../gateway/invalidation/change-event.ts'
import { readEvents } from '../../../gateway/invalidation/event.ts'

const products: ChangeRule = {
  source: 'public.products',
  ns: 'shop',
  tags: ['product:{after.id}', 'category:{category}'],
}
const source = { connector: 'postgresql', name: 'main', db: 'shop', schema: 'public', table: 'products', ts_ms: 1_000 }
const change = (op: string, before: unknown, after: unknown) => ({ op, before, after, source, ts_ms: 2_000 })

function tagsOf(message: unknown, rules: readonly ChangeRule[] = [products]) {
  const read = readEvents(JSON.stringify(message), rules)
  return read.kind === 'faults' ? read.faults : read.events.map(({ words }) => words.tags ?? words.all)
}

describe('a changed row', () => {
  it('invalidates the tags of its table, of the row as it was and as it is', () => {
    const read = readEvents(JSON.stringify(change('u', { id: 7, category: 'a' }, { id: 7, category: 'b' })), [products])

    expect(read).toEqual({
      kind: 'events',
      events: [
        {
          namespace: 'shop',
          words: { tags: ['product:7', 'category:b', 'category:a'], reason: 'u of main.shop.public.products' },
          // When it was committed, not when it was read.
          atMs: 1_000,
        },
      ],
    })
  })

  it('invalidates the same when it is deleted, and when only the new row is told', () => {
    expect(tagsOf(change('d', { id: 7, category: 'a' }, null))).toEqual([['product:7', 'category:a']])
    expect(tagsOf(change('c', null, { id: 7, category: 'a' }))).toEqual([['product:7', 'category:a']])
    expect(tagsOf(change('u', null, { id: 7, category: null }))).toEqual([['product:7']])
    expect(tagsOf(change('c', null, { id: 7 }), [{ ...products, tags: ['was:{before.id}'] }])).toEqual([])
  })

  it('is read with its schema around it, and as the CloudEvent that Debezium makes of it', () => {
    const row = change('u', null, { id: 7, category: 'a' })
    const cloud = {
      ...{ specversion: '1.0', id: 'name:main;lsn:1', source: '/debezium/postgresql/main' },
      ...{ type: 'io.debezium.postgresql.datachangeevent', iodebeziumop: 'u', iodebeziumtsms: '1000' },
      ...{ iodebeziumname: 'main', iodebeziumdb: 'shop', iodebeziumschema: 'public', iodebeziumtable: 'products' },
      data: { before: null, after: { id: 7, category: 'a' } },
    }

    const plain = readEvents(JSON.stringify(row), [products])
    expect(readEvents(JSON.stringify({ schema: {}, payload: row }), [products])).toEqual(plain)
    expect(readEvents(JSON.stringify(cloud), [products])).toEqual(plain)
    expect(plain).toMatchObject({ events: [{ atMs: 1_000 }] })
  })

  it('empties the namespace when its table was emptied, and does nothing for what a snapshot read', () => {
    expect(tagsOf(change('t', null, null))).toEqual([true])
    expect(tagsOf(change('r', null, { id: 7, category: 'a' }))).toEqual([])
    expect(tagsOf(change('m', null, null))).toEqual([])
  })

  it('follows each rule of its table by whole names, and no other', () => {
    const rule = (name: string): ChangeRule => ({ source: name, ns: 'shop', tags: [`${name}:{id}`] })
    const rules = ['products', 'shop.public.products', 'main.shop.public.products', 'ducts', 'public.orders'].map(rule)

    expect(tagsOf(change('c', null, { id: 1 }), rules)).toEqual([
      ['products:1'],
      ['shop.public.products:1'],
      ['main.shop.public.products:1'],
    ])
  })

  it('is refused where a rule names a column that the row lacks, or that has no name to give', () => {
    expect(tagsOf(change('c', null, { ID: 7, category: { a: 1 } }))).toEqual([
      'the row has no column id, which product:{after.id} names',
      'the column category is no plain value',
    ])
    expect(tagsOf(change('x', null, {}))).toEqual(['op is x: it must be one of c, u, d, r, t and m'])
  })
})
