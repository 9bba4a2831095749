import type { UnitSummary } from '../../../api-client/schema.ts'
import type { Live } from '../../live.ts'
import { AdoptionCard } from '../../parts/adoption-card.tsx'
import { GatewayCard } from '../../parts/gateway-card.tsx'
import { Moment } from '../../parts/moment.tsx'
import { Notices } from '../../parts/notices.tsx'
import { Observed } from '../../parts/observed.tsx'
import { Progress } from '../../parts/progress.tsx'
import { Split } from '../../parts/split.tsx'

/** Every unit with its team, how it is split, what traffic shows, and what runs that. */
export function Board({ live }: { readonly live: Live }) {
  const { units, status, adoption, trouble } = live
  const sites = status?.sites ?? []
  return (
    <main className={trouble === undefined ? '' : 'stale'}>
      <BoardHead live={live} />
      <Notices live={live} />
      {units.length > 0 && <Progress units={units} sites={sites} />}
      <section className="card" aria-label="Units">
        <table className="units">
          <thead>
            <tr>
              <th>unit</th>
              <th>split</th>
              <th>observed</th>
              <th>epoch</th>
              <th>last change</th>
            </tr>
          </thead>
          <tbody>
            {units.map((unit) => (
              <UnitRow key={unit.unit} unit={unit} sites={sites} />
            ))}
          </tbody>
        </table>
        {units.length === 0 && status && (
          <p className="quiet note">
            No service yet. Add yours: <code>tidegate service add NAME --url URL --path /PATH/**</code>
          </p>
        )}
      </section>
      <div className="columns">
        <AdoptionCard adoption={adoption} sites={sites} />
        <GatewayCard status={status} />
      </div>
    </main>
  )
}

function BoardHead({ live: { status, trouble } }: { readonly live: Live }) {
  return (
    <header className="page">
      <h1>Tidegate</h1>
      {status && (
        <>
          <span className="state">{status.environment}</span>
          <span className="quiet">
            {status.services} services, {status.moving} moving
          </span>
          <span className="quiet">
            structure <span className="number">{status.table.structure}</span>, placements{' '}
            <span className="number">{status.table.placements}</span>
          </span>
        </>
      )}
      <span className={trouble === undefined ? 'pulse' : 'pulse lost'} role="status">
        {trouble === undefined ? 'live' : trouble === 'connecting' ? 'connecting' : 'not live'}
      </span>
    </header>
  )
}

function UnitRow({ unit, sites }: { readonly unit: UnitSummary; readonly sites: readonly string[] }) {
  const { placement, changed, traffic } = unit
  return (
    <tr data-unit={unit.unit}>
      <td>
        <div className="name">{unit.unit}</div>
        <div className="legend">{unit.team ?? 'left the catalog'}</div>
      </td>
      <td>
        <Split placement={placement} sites={sites} />
      </td>
      <td>
        <Observed traffic={traffic} sites={sites} />
      </td>
      <td className="number">{placement.epoch}</td>
      <td>
        <div>
          {changed.how} by {changed.actor}, <Moment at={changed.at} />
        </div>
        <div className="legend reason" title={changed.reason}>
          {changed.reason}
        </div>
      </td>
    </tr>
  )
}
