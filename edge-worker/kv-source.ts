import { readOffer, type TableSource } from './table-sources.ts'

/** As much of Workers KV as is used here. */
export interface KeyValues {
  get(key: string, type: 'stream'): Promise<Response['body']>
}

/**
 * The placements that the control plane wrote beside its own answer. They may be a minute old and still be newer than
 * the script, which is what a cold isolate needs of them while the control plane is away.
 */
export function kvSource(values: KeyValues, environment: string): TableSource {
  const kept = async () => ({ status: 200, body: await values.get(`placements/${environment}`, 'stream') })
  return { name: 'kv', read: () => readOffer(kept()) }
}
