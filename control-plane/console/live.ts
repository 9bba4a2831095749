import { useEffect, useState } from 'react'
import type { Client } from '../api-client/client.ts'
import type { AdoptionAnswer, ConsoleEvent, StatusAnswer, UnitSummary } from '../api-client/schema.ts'

export interface Live {
  readonly units: readonly UnitSummary[]
  readonly status: StatusAnswer | undefined
  readonly adoption: AdoptionAnswer | undefined
  /** Ms since 1970: how old what is shown may be; undefined = nothing was read yet. */
  readonly heardAt: number | undefined
  /** Why nothing new comes; undefined while the stream is open. */
  readonly trouble: 'connecting' | 'lost' | 'refused' | undefined
}

const nothing: Live = {
  units: [],
  status: undefined,
  adoption: undefined,
  heardAt: undefined,
  trouble: 'connecting',
}

/**
 * What the control plane knows, kept current: read once whole, then changed by its stream of events. The browser
 * reconnects by itself and resumes; whatever cannot be resumed is read whole again.
 */
export function useLive(client: Client): Live {
  const [live, setLive] = useState(nothing)

  useEffect(() => {
    let stream = openStream()
    let again: ReturnType<typeof setTimeout> | undefined

    async function read(): Promise<void> {
      try {
        const [units, status] = await Promise.all([client.units(), client.status()])
        setLive((before) => ({
          units,
          status,
          adoption: status.adoption ?? before.adoption,
          heardAt: Date.now(),
          trouble: undefined,
        }))
      } catch (error) {
        const refused = (error as { status?: number }).status === 401
        setLive((before) => ({ ...before, trouble: refused ? 'refused' : 'lost' }))
      }
    }

    function openStream(): EventSource {
      const source = new EventSource('/api/v1/events')
      source.onopen = () => void read()
      source.onerror = () => {
        setLive((before) => ({ ...before, trouble: before.trouble === 'refused' ? 'refused' : 'lost' }))
        // An answer that is no stream, as of a proxy while we restart, ends it for good: then it is opened anew.
        if (source.readyState !== EventSource.CLOSED) return
        void read()
        again = setTimeout(() => {
          stream = openStream()
        }, reopenMs)
      }
      const on = <Type extends ConsoleEvent['type']>(
        type: Type,
        apply: (event: ConsoleEvent & { type: Type }) => void,
      ) => source.addEventListener(type, (message) => apply(JSON.parse((message as MessageEvent<string>).data)))
      on('traffic', ({ units }) =>
        setLive((before) => ({ ...before, units: withTraffic(before.units, units), heardAt: Date.now() })),
      )
      on('adoption', ({ adoption }) => setLive((before) => ({ ...before, adoption, heardAt: Date.now() })))
      for (const type of ['table', 'unit', 'catalog', 'gateway', 'reset'] as const) on(type, () => void read())
      return source
    }

    return () => {
      clearTimeout(again)
      stream.close()
    }
  }, [client])

  return live
}

const reopenMs = 2_000

type Observed = (ConsoleEvent & { type: 'traffic' })['units']

function withTraffic(units: readonly UnitSummary[], observed: Observed): readonly UnitSummary[] {
  const rates = new Map(observed.map(({ unit, traffic }) => [unit, traffic]))
  return units.map((one) => ({ ...one, traffic: rates.get(one.unit) ?? [] }))
}
