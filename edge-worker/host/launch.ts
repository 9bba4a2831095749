import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { KeyRing, type Purpose, type RingFile, type TrustedKeys, trustedKeys } from '#routes/seal.ts'
import { bundleHoldable, type WorkerBundle } from './bundle.ts'
import type { EdgeConfig } from './config.ts'
import { problems } from './errors.ts'

/** All that workerd processes are started with. One that runs is replaced when its launch is not the newest any more. */
export interface Launch {
  readonly config: EdgeConfig
  readonly trusted: TrustedKeys
  readonly controlRing: KeyRing
  /** Of the release that the script belongs to. */
  readonly version: string
  readonly code: WorkerBundle
  readonly binary: string
  /** Equal for two launches whose processes would do the same. */
  readonly digest: string
}

/**
 * Checks the keys, makes the script and finds the binary, as they are now. `entry`: a worker of tests. Throws
 * `edge-config-invalid` for keys that are no keys.
 */
export async function makeLaunch(config: EdgeConfig, version: string, entry?: string): Promise<Launch> {
  const trusted = await trustedKeys(config.tableKeys?.keys ?? [])
  if (trusted === undefined || trusted.size === 0) throw invalid(config, 'the file of table keys holds no usable key')
  await openRing(config, config.gatewayRing, 'edge-gateway')
  const controlRing = await openRing(config, config.controlRing, 'edge-control')
  const code = await bundleHoldable(entry)
  const { name, tableKeys, gatewayRing, sites, trustedClientIpHeader, trustedCountryHeader, controlPlaneUrl } = config
  const inputs = [name, tableKeys, gatewayRing, config.controlRing, sites, trustedClientIpHeader, trustedCountryHeader]
  const { mtimeMs, size, ino } = statSync(binary)
  const digest = createHash('sha256')
    .update(JSON.stringify([...inputs, controlPlaneUrl, version, code.digest, mtimeMs, size, ino]))
    .digest('hex')
  return { config, trusted, controlRing, version, code, binary, digest }
}

/** Path of the binary; the package has no types. */
const binary = (createRequire(import.meta.url)('workerd') as { default: string }).default

async function openRing(config: EdgeConfig, file: RingFile, purpose: Purpose): Promise<KeyRing> {
  const ring = file?.purpose === purpose && Array.isArray(file.keys) ? await KeyRing.open(file) : undefined
  if (ring === undefined) throw invalid(config, `its ring for ${purpose} is no such ring, or has no usable key`)
  return ring
}

function invalid(config: EdgeConfig, reason: string) {
  return problems['edge-config-invalid']({ file: config.file, reason })
}
