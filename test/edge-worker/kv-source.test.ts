import { describe, expect, it } from 'vitest'
import { type KeyValues, kvSource } from '../../edge-worker/kv-source.ts'
import { offerLimitBytes } from '../../edge-worker/table-offer.ts'

const sealed = { kind: 'placements', keyId: 't1', signature: 's', body: '{}' }
const streamOf = (text: string) => new Response(text).body

function read(get: KeyValues['get']) {
  return kvSource({ get }, 'staging').read(undefined, AbortSignal.timeout(1_000))
}

describe('KV as a source of tables', () => {
  it('gives the placements of its environment', async () => {
    const keys: string[] = []
    const offer = await read(async (key) => {
      keys.push(key)
      return streamOf(JSON.stringify({ placements: sealed }))
    })

    expect(offer).toEqual({ placements: sealed })
    expect(keys).toEqual(['placements/staging'])
  })

  it.each<[string, KeyValues['get'], string]>([
    ['nothing was written yet', async () => null, 'no table offer'],
    ['something else stands there', async () => streamOf('7'), 'no table offer'],
    ['it cannot be reached', () => Promise.reject(new Error('KV GET failed: 500')), 'Error: KV GET failed: 500'],
    ['the value is far too long', async () => streamOf(' '.repeat(offerLimitBytes + 1)), 'answer too long'],
  ])('is away when %s', async (_, get, away) => {
    expect(await read(get)).toEqual({ away })
  })
})
