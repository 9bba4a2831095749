/** Gives the demo's client a token, where the on-premise site keeps its tokens: the cloud has to ask there. */
import { join } from 'node:path'
import { readKeptJson } from '#server-kit/kept-file.ts'
import { writeSecretFile } from '#server-kit/secret.ts'
import { problems } from '../errors.ts'
import { type Demo, sha256 } from './demo-file.ts'
import { readCatalogFolder, scopesOf } from './example-catalog.ts'

/** Writes the token at onprem, beside those that are there; the cloud's store begins empty. */
export async function seedToken({ home, root, demo }: { home: string; root: string; demo: Demo }): Promise<void> {
  const scopes = scopesOf(await readCatalogFolder(join(root, 'routes/example')))
  const caller = { consumer: 'demo', scopes }
  const digest = sha256(demo.token)
  if (demo.redis === undefined) {
    await writeTokens(join(home, 'onprem', 'tokens.json'), { sha256: digest, ...caller })
    await writeTokens(join(home, 'cloud', 'tokens.json'))
    return
  }
  // Loaded only where there is a Redis to talk to.
  const { Redis } = await import('ioredis')
  let said: Error | undefined
  const redis = new Redis(demo.redis.onprem, { lazyConnect: true, commandTimeout: 5_000, maxRetriesPerRequest: 3 })
  // What it says stands in the rejection, too; without a listener it would be printed past everything.
  redis.on('error', (cause) => (said = cause))
  try {
    await redis.connect()
    await redis.set(`token:${digest}`, JSON.stringify(caller))
  } catch (cause) {
    throw problems['redis-unreachable']({ url: demo.redis.onprem, reason: (said ?? (cause as Error)).message, cause })
  } finally {
    redis.disconnect()
  }
}

type KnownToken = { readonly sha256: string; readonly consumer: string; readonly scopes: readonly string[] }

async function writeTokens(file: string, ...ours: KnownToken[]): Promise<void> {
  const earlier = ((await readKeptJson(file, 16 * 1024 * 1024)) ?? []) as KnownToken[]
  const others = earlier.filter(({ sha256: digest }) => !ours.some((own) => own.sha256 === digest))
  await writeSecretFile(file, `${JSON.stringify([...others, ...ours], undefined, 2)}\n`)
}
