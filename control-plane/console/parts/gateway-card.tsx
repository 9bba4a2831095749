import type { StatusAnswer } from '../../api-client/schema.ts'
import { SiteName } from './share-bar.tsx'

/** The gateway processes that are there, and the edges, as the control plane last heard of them. */
export function GatewayCard({ status }: { readonly status: StatusAnswer | undefined }) {
  if (status === undefined) return null
  return (
    <section className="card" aria-label="Gateways and edges">
      <h2>Gateways and edges</h2>
      <table>
        <thead>
          <tr>
            <th>who</th>
            <th>state</th>
            <th>deletes owed</th>
            <th>address</th>
          </tr>
        </thead>
        <tbody>
          {status.gateways.map((gateway) => (
            <tr key={gateway.instance}>
              <td>
                gateway <SiteName site={gateway.site} sites={status.sites} />
              </td>
              <td>
                <span className={gateway.state === 'live' ? 'state good' : 'state waiting'}>{gateway.state}</span>
              </td>
              <td className="number">{gateway.debt?.deletes ?? 'unknown'}</td>
              <td className="quiet number">{hostOf(gateway.internalUrl)}</td>
            </tr>
          ))}
          {status.edges.map((edge) => (
            <tr key={edge.name}>
              <td>edge {edge.name}</td>
              <td>
                <span className={edge.reachable ? 'state good' : 'state bad'}>
                  {edge.reachable ? 'reachable' : (edge.because ?? 'silent')}
                </span>
              </td>
              <td />
              <td className="quiet number">{hostOf(edge.url)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function hostOf(url: string): string {
  return url.replace(/^https?:\/\//, '')
}
