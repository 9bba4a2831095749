import type { Live } from '../live.ts'
import { Moment } from './moment.tsx'

/** What an operator must know before believing the rest of the page. */
export function Notices({ live }: { readonly live: Live }) {
  const { trouble, heardAt, status } = live
  return (
    <>
      {trouble === 'lost' && (
        <p className="card notice" role="alert">
          <strong>The control plane does not answer.</strong> Traffic goes on without it, by the last table.
          {heardAt !== undefined && (
            <>
              {' '}
              What you see is from <Moment at={heardAt} />; it becomes live again by itself.
            </>
          )}
        </p>
      )}
      {trouble === 'refused' && (
        <p className="card notice" role="alert">
          <strong>This session has ended.</strong> Open a new link: <code>tidegate console</code>
        </p>
      )}
      {status?.catalogBehind && (
        <p className="card notice" role="alert">
          <strong>The catalog is older than what gateways run.</strong> Run <code>tidegate apply</code> with the current
          catalog.
        </p>
      )}
    </>
  )
}
