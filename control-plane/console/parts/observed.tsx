import type { UnitSummary } from '../../api-client/schema.ts'
import { ShareBar } from './share-bar.tsx'

export interface ObservedProps {
  readonly traffic: UnitSummary['traffic']
  readonly sites: readonly string[]
}

/** Who really serves a unit, by what gateways counted over the last seconds: evidence beside the wish. */
export function Observed({ traffic, sites }: ObservedProps) {
  const rates = traffic
    .map(({ site, reads, writes, failed }) => ({ site, share: reads + writes, failed }))
    .toSorted((a, b) => sites.indexOf(a.site) - sites.indexOf(b.site))
  if (rates.every(({ share }) => share === 0)) return <span className="quiet">no requests</span>
  const failed = rates.reduce((sum, rate) => sum + rate.failed, 0)
  const words = rates.map(({ site, share }) => `${site} ${share.toFixed(1)}/s`).join(' · ')
  return (
    <>
      <ShareBar shares={rates} sites={sites} label={`observed: ${words}`} thin />
      <div className="legend">
        {words}
        {failed > 0 && <strong className="bad"> · {failed.toFixed(1)}/s failed</strong>}
      </div>
    </>
  )
}
