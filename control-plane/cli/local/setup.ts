/** What each container of docker-compose.yml needs, in a folder of its own: its configuration and no key but its own. */
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readKeptFile, writeKeptFile } from '#server-kit/kept-file.ts'
import { writeSecretFile } from '#server-kit/secret.ts'
import type { Addresses } from './addresses.ts'
import { configsOf, keysOf, type ProgramName, writeConfig } from './configs.ts'
import { demoOf, keptTokens, newToken, readDemo, writeDemo } from './demo-file.ts'
import { seedToken } from './demo-token.ts'
import { readCatalogFolder, withAddresses } from './example-catalog.ts'
import { writeKeys } from './keys.ts'

export interface SetupOptions {
  /** The repository, as the containers see it. */
  readonly root: string
  /** Below it one folder a container, and `private` for all keys, `demo.json` and the catalog. */
  readonly folder: string
  readonly at: Addresses
  readonly base: number
}

/** May be repeated: keys and tokens of an earlier time stay. */
export async function writeSetup({ root, folder, at, base }: SetupOptions): Promise<void> {
  const own = join(folder, 'private')
  const keys = join(own, 'keys')
  await writeKeys(keys)
  const tokens = keptTokens(await readDemo(own))
  const demo = demoOf(at, base, tokens, true)

  const configs = configsOf({
    at,
    tokens,
    stores: { redis: true, memcached: true },
    workers: 1,
    console: join(root, 'control-plane/console/dist'),
    folders: { keys: 'keys', home: () => 'home' },
  })
  for (const [name, config] of Object.entries(configs)) {
    const program = join(folder, folderOf(name as ProgramName))
    await mkdir(join(program, 'keys'), { recursive: true, mode: 0o700 })
    for (const key of keysOf[name as ProgramName]) await copyFile(join(keys, key), join(program, 'keys', key))
    await writeConfig(join(program, 'config.yaml'), config)
  }
  await writeSecretFile(join(folder, 'monolith', 'cache-token'), tokens.cacheToken)
  await writeSecretFile(join(folder, 'metrics', 'ops-token'), tokens.opsToken)
  await writeSecretFile(join(folder, 'metrics', 'grafana-password'), await keptPassword(own))

  for (const { file, text } of withAddresses(await readCatalogFolder(join(root, 'routes/example')), at)) {
    await writeKeptFile(join(own, 'catalog', file), text)
  }
  await seedToken({ home: own, root, demo })
  // Last: who finds it finds everything else, too.
  await writeDemo(own, demo)
}

/** Made once: Grafana keeps the first one that it was given. */
async function keptPassword(own: string): Promise<string> {
  const file = join(own, 'grafana-password')
  const kept = await readKeptFile(file, 1024)
  if (kept !== undefined) return kept
  const made = newToken()
  await writeSecretFile(file, made)
  return made
}

/** Folders are named like the containers that mount them. */
function folderOf(name: ProgramName): string {
  return name === 'control-plane' || name === 'edge' ? name : `gateway-${name}`
}
