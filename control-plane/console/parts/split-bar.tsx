import type { Placement } from '../../api-client/schema.ts'

/** Who serves a unit, as a bar: owner plain, target striped, so that it reads without colour too. */
export function SplitBar({ placement }: { placement: Placement }) {
  const { owner, moving } = placement
  const reads = (moving?.reads ?? 0) / 100
  const words = moving ? `${moving.to} ${reads} % of reads, ${moving.writes / 100} % of writes` : `${owner} 100 %`
  return (
    <div>
      <div className="split" role="img" aria-label={`${owner} owns it; ${words}`}>
        <div className="owner" style={{ flexGrow: 100 - reads }} />
        {reads > 0 && <div className="target" style={{ flexGrow: reads }} />}
      </div>
      <div className="legend quiet">{moving ? `${owner} → ${words}` : words}</div>
    </div>
  )
}
