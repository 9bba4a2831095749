import { type Placement, sameContent } from '#routes/placement.ts'
import type { Store } from '../records.ts'
import { chainFault, emptyHead } from './chain.ts'

export interface AuditVerdict {
  readonly valid: boolean
  readonly entries: number
  /** To be kept elsewhere: a chain that was cut off at its end and continued cannot have this hash at this place. */
  readonly head: { readonly seq: number; readonly hash: string }
  /** What is wrong, at which entry; undefined when the chain is whole. */
  readonly fault?: { readonly seq: number; readonly because: string }
}

const pageSize = 500

/** Reads the whole chain, page by page: hashes, gaps, the head, and that its replay gives the present placements. */
export async function verifyAudit(store: Store): Promise<AuditVerdict> {
  const { audit } = store.records
  // Of one moment. Entries appended while we read on are left for the next time.
  const { head, present } = await store.write(async (records) => {
    return { head: await records.audit.head(), present: await records.tables.placements() }
  })
  const replayed = new Map<string, Placement>()
  let at = emptyHead
  const broken = (because: string): AuditVerdict => ({
    valid: false,
    entries: at.seq,
    head,
    fault: { seq: at.seq + 1, because },
  })

  while (at.seq < head.seq) {
    const page = await audit.list(at.seq, Math.min(pageSize, head.seq - at.seq))
    if (page.length === 0) return broken('gap')
    for (const entry of page) {
      const fault = chainFault(at, entry)
      if (fault !== undefined) return broken(fault)
      for (const placement of placementsIn(entry.after)) replayed.set(placement.unit, placement)
      at = entry
    }
  }
  if (at.hash !== head.hash) return broken('head-differs')
  const differing = present.find(({ placement }) => !sameAs(replayed.get(placement.unit), placement))
  if (differing !== undefined) return broken(`placement-differs: ${differing.placement.unit}`)
  return { valid: true, entries: head.seq, head: { seq: head.seq, hash: head.hash } }
}

function sameAs(replayed: Placement | undefined, present: Placement): boolean {
  return replayed?.epoch === present.epoch && sameContent(replayed, present)
}

/** Entries of what changed placements carry them under `placements`. */
function placementsIn(after: unknown): readonly Placement[] {
  if (typeof after !== 'object' || after === null || !('placements' in after)) return []
  return Array.isArray(after.placements) ? (after.placements as readonly Placement[]) : []
}
