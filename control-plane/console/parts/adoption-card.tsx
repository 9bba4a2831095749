import type { AdoptionAnswer } from '../../api-client/schema.ts'
import { SiteName } from './share-bar.tsx'

export interface AdoptionCardProps {
  readonly adoption: AdoptionAnswer | undefined
  readonly sites: readonly string[]
}

/** What runs the latest table, by evidence from traffic: confirmed, or who is behind. Never the wish. */
export function AdoptionCard({ adoption, sites }: AdoptionCardProps) {
  if (adoption === undefined) return null
  const { placements, confirmed, gateways, colos, stragglers } = adoption
  return (
    <section className="card" aria-label="Adoption">
      <h2>
        Adoption of placements <span className="number">{placements}</span>
        <span className={confirmed ? 'state good' : 'state waiting'}>{confirmed ? 'confirmed' : 'being proven'}</span>
      </h2>
      <table>
        <thead>
          <tr>
            <th>who</th>
            <th>runs</th>
            <th>evidence</th>
          </tr>
        </thead>
        <tbody>
          {gateways.map((gateway) => (
            <tr key={gateway.instance}>
              <td>
                gateway <SiteName site={gateway.site} sites={sites} />
              </td>
              <td className="number">{gateway.placements}</td>
              <td className="quiet">acknowledged</td>
            </tr>
          ))}
          {colos.map((colo) => (
            <tr key={colo.colo}>
              <td>edge {colo.colo}</td>
              <td className="number">
                {colo.lowest === colo.highest ? colo.highest : `${colo.lowest}–${colo.highest}`}
              </td>
              <td className="quiet">{colo.requests.toLocaleString()} requests</td>
            </tr>
          ))}
        </tbody>
      </table>
      {colos.length === 0 && <p className="quiet note">No edge has sent traffic yet: unknown, not adopted.</p>}
      {stragglers.length > 0 && (
        <p className="quiet note">
          Seen below it in the last 10 s:{' '}
          {stragglers.map((one) => `${one.kind} ${one.name} at ${one.placements}`).join(', ')}
        </p>
      )}
    </section>
  )
}
