import type { Placement } from '../../api-client/schema.ts'
import { ShareBar } from './share-bar.tsx'

/** Who is to serve a unit by its placement: a bar of its reads, and in words what its writes do. */
export function Split({ placement, sites }: { readonly placement: Placement; readonly sites: readonly string[] }) {
  const { owner, moving, shadow } = placement
  const reads = (moving?.reads ?? 0) / 100
  const split = moving ? `${owner} → ${moving.to}: ${sharesOf(moving)}` : `${owner} 100 %`
  const words = shadow ? `${split}; copies to ${shadow.to}: ${shadow.sample / 100} %` : split
  const shares = [{ site: owner, share: 100 - reads }, ...(moving ? [{ site: moving.to, share: reads }] : [])]
  return (
    <>
      <ShareBar shares={shares} sites={sites} label={`${owner} owns it; ${words}`} />
      <div className="legend">{words}</div>
    </>
  )
}

function sharesOf({ reads, writes }: NonNullable<Placement['moving']>): string {
  return reads === writes ? `${reads / 100} %` : `${reads / 100} % of reads, ${writes / 100} % of writes`
}
