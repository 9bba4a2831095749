import fc from 'fast-check'
import { expect, it } from 'vitest'
import { NewestNames, SeenNames } from '../../../gateway/journal/newest-names.ts'
import { type CacheOperation, operationName } from '../../../gateway/store/cache-operation.ts'
import { encodeRecord } from '../../../gateway/store/operation-record.ts'

const stamp = fc.integer({ min: 1, max: 6 }).map(BigInt)
const key = fc.constantFrom('a', 'b', 'c')
const namespace = fc.constantFrom('n', 'm')
const operation: fc.Arbitrary<CacheOperation> = fc.oneof(
  fc.record({ kind: fc.constant('delete' as const), namespace, key, stamp }),
  fc.record({
    kind: fc.constant('invalidate' as const),
    namespace,
    target: fc.constantFrom('tag' as const, 'scope' as const),
    key,
    stamp,
  }),
  fc.record({
    kind: fc.constant('invalidate' as const),
    namespace,
    target: fc.constant('tag' as const),
    key,
    stamp,
    softMs: fc.constant(5),
  }),
  fc.record({
    kind: fc.constant('invalidate' as const),
    namespace,
    target: fc.constant('all' as const),
    key: fc.constant(''),
    stamp,
  }),
)

it.each([
  ['good', undefined],
  ['always the same', () => 7],
])('only a record with a newer one of its very name is superseded, when hashes are %s', (_, hash) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(operation, fc.boolean()), { maxLength: 40 }), (row) => {
      const records = row.map(([each, local], index) =>
        Buffer.concat(encodeRecord({ seq: index + 1, lane: local ? 255 : 1, operation: each })),
      )
      const seen = new SeenNames(hash)
      const newest = new NewestNames(hash)
      for (const record of records) seen.add(record, 0)
      for (const record of records) newest.add(record, 0, record.length)

      for (const [index, [each, local]] of row.entries()) {
        const record = records[index] as Buffer
        const rivals = row.filter(
          ([other, so], at) => at !== index && so === local && operationName(other) === operationName(each),
        )
        const isOlder = row.some(
          ([other, so], at) =>
            so === local &&
            operationName(other) === operationName(each) &&
            (other.stamp > each.stamp || (other.stamp === each.stamp && at > index)),
        )
        expect(newest.isSuperseded(record, 0)).toBe(isOlder)
        if (rivals.length > 0) expect(seen.isTwice(record, 0)).toBe(true)
      }
    }),
    { numRuns: 60 },
  )
})
