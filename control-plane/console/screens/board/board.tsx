import type { UnitSummary } from '../../../api-client/schema.ts'
import type { Live } from '../../live.ts'
import { AdoptionCard } from '../../parts/adoption-card.tsx'
import { GatewayCard } from '../../parts/gateway-card.tsx'
import { SplitBar } from '../../parts/split-bar.tsx'

/** Every unit with its team, who owns it, how it is split, and what traffic shows. */
export function Board({ live }: { live: Live }) {
  const { units, status, adoption, trouble } = live
  return (
    <main>
      <header className="page">
        <h1>Tidegate</h1>
        {status && (
          <>
            <span>{status.environment}</span>
            <span className="quiet">
              structure <span className="number">{status.table.structure}</span>, placements{' '}
              <span className="number">{status.table.placements}</span>
            </span>
            <span className="quiet">
              {status.services} services, {status.moving} moving
            </span>
          </>
        )}
      </header>
      {trouble && (
        <p className="card banner" role="alert">
          {trouble}
        </p>
      )}
      {status?.catalogBehind && (
        <p className="card banner" role="alert">
          The catalog is older than what gateways run. Run <code>tidegate apply</code> with the current catalog.
        </p>
      )}
      <section className="card" aria-label="Units">
        <table>
          <thead>
            <tr>
              <th>unit</th>
              <th>team</th>
              <th>site</th>
              <th>split</th>
              <th>epoch</th>
              <th>requests/s, observed</th>
              <th>last change</th>
            </tr>
          </thead>
          <tbody>
            {units.map((unit) => (
              <UnitRow key={unit.unit} unit={unit} />
            ))}
          </tbody>
        </table>
        {units.length === 0 && status && (
          <p className="quiet">
            No service yet. Add yours: <code>tidegate service add NAME --url URL --path /PATH/**</code>
          </p>
        )}
      </section>
      <AdoptionCard adoption={adoption} />
      <GatewayCard status={status} />
    </main>
  )
}

function UnitRow({ unit }: { unit: UnitSummary }) {
  const { placement, changed, traffic } = unit
  return (
    <tr data-unit={unit.unit}>
      <td>{unit.unit}</td>
      <td>{unit.team ?? <span className="quiet">left the catalog</span>}</td>
      <td>{placement.owner}</td>
      <td>
        <SplitBar placement={placement} />
      </td>
      <td className="number">{placement.epoch}</td>
      <td className="number">
        {traffic.length === 0 ? <span className="quiet">none</span> : traffic.map(rateOf).join(' · ')}
      </td>
      <td className="quiet">
        {changed.how} by {changed.actor}
        {changed.reason && `: ${changed.reason}`}
      </td>
    </tr>
  )
}

function rateOf({ site, reads, writes, failed }: UnitSummary['traffic'][number]): string {
  const rate = (reads + writes).toFixed(1)
  return failed > 0 ? `${site} ${rate} (${failed.toFixed(1)} failed)` : `${site} ${rate}`
}
