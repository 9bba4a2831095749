/** What every journal of publications promises. */
import { describe, expect, it } from 'vitest'
import type { Publication } from '../../control-plane/edge/publication.ts'
import type { PublicationStore } from '../../control-plane/edge/publication-store.ts'
import type { Make } from './table-store.ts'

const begun = (id: string): Publication => ({
  id,
  tag: `tidegate-${id}`,
  kind: 'structure',
  content: { structure: 4, structureDigest: 's', placements: 9, placementsDigest: 'p', codeDigest: 'c' },
  formerId: 'former',
  state: 'built',
  since: 10,
  startedAt: 10,
  actor: 'eve',
  reason: 'why not',
  gzipBytes: 16_000,
  startupMs: 31,
})

export function contract(make: Make<PublicationStore>): void {
  describe('a publication store', () => {
    it('holds the newest state of each publication as it was told, and forgets the oldest', async () => {
      await using made = await make()
      const { store } = made
      await store.save(begun('1'))
      await store.save(begun('2'))
      const ended: Publication = {
        ...begun('1'),
        state: 'rolled-back',
        versionId: 'v',
        since: 20,
        because: 'worse',
        platformStartupMs: 7,
      }
      await store.save(ended)

      expect(await store.list(10)).toEqual([begun('2'), ended])
      expect(await store.list(1)).toEqual([begun('2')])
      await store.forgetAllBut(1)
      expect(await store.list(10)).toEqual([begun('2')])
    })
  })
}
