import type { UnitSummary } from '../../api-client/schema.ts'
import { ShareBar, SiteName } from './share-bar.tsx'

export interface ProgressProps {
  readonly units: readonly UnitSummary[]
  readonly sites: readonly string[]
}

/** How far the whole move is: each unit counts the same, one that is under way by the share of its reads. */
export function Progress({ units, sites }: ProgressProps) {
  const shares = sites.map((site) => ({ site, share: units.reduce((sum, one) => sum + readsAt(one, site), 0) }))
  const percent = (share: number): string => `${Math.round((1_000 * share) / Math.max(1, units.length)) / 10} %`
  const words = shares.map(({ site, share }) => `${site} ${percent(share)}`).join(', ')
  return (
    <section className="card progress" aria-label="Progress">
      <div className="shares-legend">
        {shares.map(({ site, share }) => (
          <span key={site}>
            <SiteName site={site} sites={sites} /> <strong>{percent(share)}</strong>
          </span>
        ))}
      </div>
      <ShareBar shares={shares} sites={sites} label={`all units: ${words}`} />
    </section>
  )
}

function readsAt({ placement: { owner, moving } }: UnitSummary, site: string): number {
  const gone = (moving?.reads ?? 0) / 10_000
  return (owner === site ? 1 - gone : 0) + (moving?.to === site ? gone : 0)
}
