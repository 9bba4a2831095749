import { useEffect, useState } from 'react'
import type { Client } from '../api-client/client.ts'
import type { AdoptionAnswer, ConsoleEvent, StatusAnswer, UnitSummary } from '../api-client/schema.ts'

export interface Live {
  readonly units: readonly UnitSummary[]
  readonly status: StatusAnswer | undefined
  readonly adoption: AdoptionAnswer | undefined
  /** Why what is shown may be old; undefined while the stream is open. */
  readonly trouble: string | undefined
}

const nothing: Live = { units: [], status: undefined, adoption: undefined, trouble: 'Connecting.' }

/**
 * What the control plane knows, kept current: read once whole, then changed by its stream of events. The browser
 * reconnects by itself and resumes; whatever cannot be resumed is read whole again.
 */
export function useLive(client: Client): Live {
  const [live, setLive] = useState(nothing)

  useEffect(() => {
    const stream = new EventSource('/api/v1/events')
    const read = async () => {
      try {
        const [units, status] = await Promise.all([client.units(), client.status()])
        setLive((before) => ({ units, status, adoption: status.adoption ?? before.adoption, trouble: undefined }))
      } catch (error) {
        setLive((before) => ({ ...before, trouble: `The control plane did not answer: ${(error as Error).message}` }))
      }
    }
    stream.onopen = () => void read()
    stream.onerror = () =>
      setLive((before) => ({
        ...before,
        trouble: 'The connection to the control plane is lost; traffic goes on without it.',
      }))
    const on = <Type extends ConsoleEvent['type']>(type: Type, apply: (event: ConsoleEvent & { type: Type }) => void) =>
      stream.addEventListener(type, (message) => apply(JSON.parse((message as MessageEvent<string>).data)))
    on('traffic', ({ units }) => setLive((before) => ({ ...before, units: withTraffic(before.units, units) })))
    on('adoption', ({ adoption }) => setLive((before) => ({ ...before, adoption })))
    for (const type of ['table', 'unit', 'catalog', 'gateway', 'reset'] as const) on(type, () => void read())
    return () => stream.close()
  }, [client])

  return live
}

type Observed = (ConsoleEvent & { type: 'traffic' })['units']

function withTraffic(units: readonly UnitSummary[], observed: Observed): readonly UnitSummary[] {
  const rates = new Map(observed.map(({ unit, traffic }) => [unit, traffic]))
  return units.map((one) => ({ ...one, traffic: rates.get(one.unit) ?? [] }))
}
