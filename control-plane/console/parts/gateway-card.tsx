import type { StatusAnswer } from '../../api-client/schema.ts'

/** The gateway processes that are there, and the edges, as the control plane last heard of them. */
export function GatewayCard({ status }: { status: StatusAnswer | undefined }) {
  if (status === undefined) return null
  return (
    <section className="card" aria-label="Gateways and edges">
      <h2>Gateways and edges</h2>
      <table>
        <thead>
          <tr>
            <th>site or edge</th>
            <th>state</th>
            <th>placements</th>
            <th>deletes owed to the other site</th>
            <th>address</th>
          </tr>
        </thead>
        <tbody>
          {status.gateways.map((gateway) => (
            <tr key={gateway.instance}>
              <td>{gateway.site}</td>
              <td>
                <span className={gateway.state === 'live' ? 'state good' : 'state late'}>{gateway.state}</span>
              </td>
              <td className="number">{gateway.placements}</td>
              <td className="number">{gateway.debt?.deletes ?? 'unknown'}</td>
              <td className="quiet">{gateway.internalUrl}</td>
            </tr>
          ))}
          {status.edges.map((edge) => (
            <tr key={edge.name}>
              <td>{edge.name}</td>
              <td>
                <span className={edge.reachable ? 'state good' : 'state late'}>
                  {edge.reachable ? 'reachable' : (edge.because ?? 'silent')}
                </span>
              </td>
              <td className="quiet">by traffic</td>
              <td />
              <td className="quiet">{edge.url}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
