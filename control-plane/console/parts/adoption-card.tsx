import type { AdoptionAnswer } from '../../api-client/schema.ts'

/** What runs the latest table, by evidence from traffic: confirmed, or who is behind. Never the wish. */
export function AdoptionCard({ adoption }: { adoption: AdoptionAnswer | undefined }) {
  if (adoption === undefined) return null
  const { placements, confirmed, gateways, colos, stragglers } = adoption
  return (
    <section className="card" aria-label="Adoption">
      <h2>
        Adoption of placements <span className="number">{placements}</span>{' '}
        <span className={confirmed ? 'state good' : 'state late'}>{confirmed ? 'confirmed' : 'not confirmed yet'}</span>
      </h2>
      <table>
        <thead>
          <tr>
            <th>program</th>
            <th>name</th>
            <th>runs</th>
            <th>evidence</th>
          </tr>
        </thead>
        <tbody>
          {gateways.map((gateway) => (
            <tr key={gateway.instance}>
              <td>gateway</td>
              <td>{gateway.site}</td>
              <td className="number">{gateway.placements}</td>
              <td className="quiet">acknowledged</td>
            </tr>
          ))}
          {colos.map((colo) => (
            <tr key={colo.colo}>
              <td>edge</td>
              <td>{colo.colo}</td>
              <td className="number">
                {colo.lowest === colo.highest ? colo.highest : `${colo.lowest}–${colo.highest}`}
              </td>
              <td className="quiet">{colo.requests} requests</td>
            </tr>
          ))}
        </tbody>
      </table>
      {colos.length === 0 && <p className="quiet">No edge has sent traffic yet: unknown, not adopted.</p>}
      {stragglers.length > 0 && (
        <p>Behind: {stragglers.map((one) => `${one.kind} ${one.name} at ${one.placements}`).join(', ')}</p>
      )}
    </section>
  )
}
